//! Our own certificate, whose private key is somewhere else.

use std::fmt;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use crate::Identity;

/// Signs for an end. `None`: no signature is to be had.
pub trait Signer: Send + Sync {
    /// `scheme` by its number (RFC 8446 §4.2.3), which fits the key; `message` is hashed as the scheme says.
    fn sign(&self, scheme: u16, message: &[u8]) -> Option<Vec<u8>>;
}

/// The kind of a key, which says what it can sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl Key {
    /// In order of preference. PKCS#1 is for TLS 1.2 alone; rustls takes care of that.
    fn schemes(self) -> &'static [SignatureScheme] {
        match self {
            Key::Rsa => &[
                SignatureScheme::RSA_PSS_SHA256,
                SignatureScheme::RSA_PSS_SHA384,
                SignatureScheme::RSA_PSS_SHA512,
                SignatureScheme::RSA_PKCS1_SHA256,
                SignatureScheme::RSA_PKCS1_SHA384,
                SignatureScheme::RSA_PKCS1_SHA512,
            ],
            Key::P256 => &[SignatureScheme::ECDSA_NISTP256_SHA256],
            Key::P384 => &[SignatureScheme::ECDSA_NISTP384_SHA384],
            Key::P521 => &[SignatureScheme::ECDSA_NISTP521_SHA512],
            Key::Ed25519 => &[SignatureScheme::ED25519],
        }
    }
}

struct Away {
    key: Key,
    signer: Arc<dyn Signer>,
}

impl fmt::Debug for Away {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.key)
    }
}

impl SigningKey for Away {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn rustls::sign::Signer>> {
        let scheme = *self.key.schemes().iter().find(|each| offered.contains(each))?;
        Some(Box::new(Chosen { scheme, key: self.key, signer: self.signer.clone() }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.key {
            Key::Rsa => SignatureAlgorithm::RSA,
            Key::P256 | Key::P384 | Key::P521 => SignatureAlgorithm::ECDSA,
            Key::Ed25519 => SignatureAlgorithm::ED25519,
        }
    }
}

struct Chosen {
    scheme: SignatureScheme,
    key: Key,
    signer: Arc<dyn Signer>,
}

impl fmt::Debug for Chosen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} with {:?}", self.scheme, self.key)
    }
}

impl rustls::sign::Signer for Chosen {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signed = self.signer.sign(u16::from(self.scheme), message);
        signed.ok_or_else(|| Error::General("our key gave no signature".into()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

/// One certificate for every peer.
#[derive(Debug)]
pub(crate) struct Only(Arc<CertifiedKey>);

impl Only {
    pub(crate) fn new(identity: Identity) -> Self {
        let chain = identity.chain.into_iter().map(CertificateDer::from).collect();
        let key = Away { key: identity.key, signer: identity.signer };
        Self(Arc::new(CertifiedKey::new(chain, Arc::new(key))))
    }
}

impl ResolvesServerCert for Only {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl ResolvesClientCert for Only {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
