-- Run once, when the volume of the compose file is new: the second database, which is Dagster's.
create database dagster owner list_pipeline;
