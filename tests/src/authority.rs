//! A certificate authority of the test's own, and a certificate of it for one host name.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use xtask::stack::edge::Tls;

/// What the client trusts and what the edge shows.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The authority's certificate, as PEM.
    pub root: String,
    /// The site's certificate and key.
    pub tls: Tls,
}

impl Authority {
    /// Makes an authority and a certificate for `host`.
    #[must_use]
    pub fn for_host(host: &str) -> Self {
        let mut params = CertificateParams::default();
        // Whoever trusts several tells them apart by it.
        let name = format!("the authority of {host}");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = KeyPair::generate()
            .and_then(|key| CertifiedIssuer::self_signed(params, key))
            .expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(vec![host.to_owned()])
            .and_then(|params| params.signed_by(&key, &authority))
            .expect("a certificate");
        Self {
            root: authority.pem(),
            tls: Tls {
                certificate_chain: certificate.pem(),
                private_key: key.serialize_pem(),
            },
        }
    }
}
