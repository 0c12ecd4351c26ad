drop function list_pipeline.count_request(
    bigint, text, timestamptz, interval, interval, integer, integer, timestamptz, timestamptz, timestamptz
);
