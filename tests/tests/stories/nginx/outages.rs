//! Without a verdict nothing opens.

use edgeward_tests::NginxSite;

use super::POLICY;

#[tokio::test]
async fn without_the_issuer_nothing_opens() {
    let mut site = NginxSite::start(POLICY).await;
    let root = site.person("root", &["admin"]).await;
    let _ = root.get("/app").send().await.expect(200);
    assert_eq!(site.arrived().len(), 1);
    site.issuer.stop();
    for path in [
        "/",
        "/open",
        "/app",
        "/admin",
        "/files/plan.txt",
        "//admin",
        "/auth/verify-token",
        "/auth/me",
        "/login",
    ] {
        let answer = root.get(path).send().await;
        let answer = answer.expect_problem(503, "ISSUER_UNAVAILABLE");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        let answer = root.navigate(path).send().await;
        assert_eq!(answer.status, 503, "{path}");
    }
    assert_eq!(site.arrived(), []);
    site.issuer.start().expect("the issuer comes back");
    let _ = root.get("/app").send().await.expect(200);
}
