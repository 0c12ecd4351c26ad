import time
from list_pipeline_tests.e2e.conftest import SMALL
def test_x(account):
    r=account
    t=time.time()
    m=r.maintain_due()[0]
    print("maintain", time.time()-t, m.delivery)
    t=time.time(); print(len(r.people()), len(r.places()), time.time()-t)
    print(r.changing_requests(), r.control.requests())
    print(r.slack_messages()[0].keys())
    print(m.report.facts)
    print(r.rows("select kind, contact_id, details, summary, status from review_item") if True else 0)
def test_y(account): pass
    
def test_dg(account):
    import dagster as dg, time, collections
    from list_pipeline.defs.build import build_defs
    from list_pipeline.defs.resources import ServicesResource
    from list_pipeline.operations.services import Services
    @dg.resource
    def res(_):
        with Services(account.settings, account.clock) as s: yield s
    t=time.time()
    defs = build_defs(res)
    print("build", time.time()-t)
    with dg.DagsterInstance.ephemeral() as inst:
        s = defs.resolve_sensor_def("campaigns_due_for_maintenance")
        from dagster._core.definitions.partitions.context import partition_loading_context
        with dg.build_sensor_context(instance=inst, definitions=defs, sensor_name="campaigns_due_for_maintenance", resources={"services": res}) as ctx:
            result = s(ctx)
        print(result)
        for q in result.dynamic_partitions_requests: inst.add_dynamic_partitions(q.partitions_def_name, q.partition_keys)
        job = defs.resolve_job_def("post_campaign_maintenance")
        for req in result.run_requests:
            for i in range(2):
                t=time.time()
                out = job.execute_in_process(instance=inst, partition_key=req.partition_key, tags=req.tags, raise_on_error=False)
                print(time.time()-t, out.success, collections.Counter(e.event_type_value for e in out.all_events))
        try:
            out = job.execute_in_process(instance=inst, partition_key="nope", raise_on_error=False)
            print("nope", out.success)
        except Exception as e: print("nope raised", repr(e)[:500])
        try:
            out = job.execute_in_process(instance=inst, tags={"dagster/partition":"nope"}, raise_on_error=False)
            print("nope2", out.success, [ (e.step_key, e.event_specific_data.error) for e in out.all_events if e.event_type_value=="STEP_FAILURE"])
        except Exception as e: print("nope2 raised", repr(e)[:500])
