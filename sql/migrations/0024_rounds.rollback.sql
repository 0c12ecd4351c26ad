alter table list_pipeline.campaign_schedule
    drop column round_doubt,
    drop column round_ruling,
    drop column round_ruled_by,
    drop column round_ruled_at,
    drop column round_note;
