-- Running totals for a monitor: counters, and the buckets and sums of histograms. Added to when something happens, since the rows
-- that tell of it may be removed later and a counter must not fall.

create table list_pipeline.monitor_total (
    -- Without prefix and suffix: core/monitoring/exported.py has them.
    metric text not null check (metric <> ''),
    labels text[] not null,
    -- Empty for a counter; the upper bound of a bucket, or 'sum', for a histogram.
    part   text not null,
    value  double precision not null check (value >= 0),
    primary key (metric, labels, part)
);
