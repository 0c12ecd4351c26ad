-- Sends that do not fit a cycle: the doubt while it stands, and what a person said the send is.

alter table list_pipeline.campaign_schedule
    add column round_doubt text check (round_doubt in ('same_list', 'other_content', 'resent')),
    add column round_ruling text check (round_ruling in ('not_a_round', 'joins', 'begins', 'fits')),
    add column round_ruled_by text,
    add column round_ruled_at timestamptz,
    add column round_note text,
    add check ((round_ruling is null) = (round_ruled_by is null) and (round_ruling is null) = (round_ruled_at is null)),
    add check (round_ruling is null or round_doubt is null);
