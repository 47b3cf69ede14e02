//! The file as it is shipped, with its certificate and its name.

use std::process::Command;

use edgeward_tests::authority::Authority;
use edgeward_tests::nginx_site::{main_configuration, nginx, shipped};
use edgeward_tests::world::PRODUCTION_HOST;

#[test]
fn nginx_takes_the_file_with_nothing_changed_but_where_the_certificate_is() {
    let folder = edgeward_tests::world::folder_of_a_story();
    let tls = Authority::for_host(PRODUCTION_HOST).tls;
    let (certificate, key) = (folder.join("site.pem"), folder.join("site.key"));
    std::fs::write(&certificate, tls.certificate_chain).expect("a certificate");
    std::fs::write(&key, tls.private_key).expect("a key");
    let conf = shipped()
        .replace(
            "/etc/nginx/tls/app.example.com.pem",
            &certificate.display().to_string(),
        )
        .replace(
            "/etc/nginx/tls/app.example.com.key",
            &key.display().to_string(),
        );
    let main = main_configuration(&folder, &conf);
    let output = Command::new(nginx())
        .args(["-t", "-e", "stderr", "-p"])
        .arg(&folder)
        .arg("-c")
        .arg(main)
        .output()
        .expect("nginx runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("[warn]"), "{said}");
}
