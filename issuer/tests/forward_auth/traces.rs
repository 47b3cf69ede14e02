//! The names by which a request is found again: its own, and that of its trace.

use edgeward_core::trace::TraceParent;

use crate::{DIALECTS, Verdicts};

const BROUGHT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_trace_goes_on_as_it_was_understood_or_begins_here() {
    for dialect in DIALECTS {
        let verdicts = Verdicts::given_in(dialect).await;
        let brought = format!("traceparent: {BROUGHT}");
        let lines = [brought.as_str(), "tracestate: vendor=1"];
        let told = verdicts.about(dialect, "GET", "/open", &lines).await;
        assert_eq!(told.status, 200, "{dialect:?}: {}", told.head);
        assert_eq!(told.header("traceparent"), Some(BROUGHT));
        assert_eq!(told.header("tracestate"), Some("vendor=1"));
        for bad in [
            "traceparent: 00-1-2-01",
            "traceparent: x, y",
            "x-nothing: 1",
        ] {
            let lines = [bad, "tracestate: vendor=1"];
            let told = verdicts.about(dialect, "GET", "/open", &lines).await;
            let made = told.header("traceparent").and_then(TraceParent::read);
            let id = told.header("x-request-id").unwrap().replace('-', "");
            assert_eq!(made.as_ref().map(TraceParent::trace_id), Some(&*id));
            assert_eq!(told.header("tracestate"), None, "{bad}");
        }
        // A refusal has its names, too.
        let told = verdicts.about(dialect, "GET", "/app", &lines).await;
        assert_eq!(told.header("traceparent"), Some(BROUGHT));
        assert_eq!(told.header("tracestate"), None);
    }
}
