//! Extended sequence numbers: packets behind the first 2^32, made by another implementation (Python's `cryptography`), and a
//! pair that walks over the end of the lower half.

use super::*;
use crate::replay::Mark;
use crate::size::sealed_len;

const NUMBER: u64 = 0x1_0000_0005;
const SPI: u32 = 0x1234_5678;

fn counting(from: u8, octets: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new((from..).take(octets).collect())
}

/// A suite, its integrity key's octets, and the packet number NUMBER around `00 01 … 15`.
fn made_elsewhere() -> [(Suite, usize, &'static str); 4] {
    let suite = |cipher, key_bits, integrity| Suite { cipher, key_bits, integrity };
    [
        (
            suite(Cipher::AesGcm16, 128, None),
            0,
            "123456780000000500000001000000052cb8bde1b2fd67b91176819f31a7a8efdb70bbde7564fd790d94f94d6d854d3c24bdee6d386bf067",
        ),
        (
            suite(Cipher::ChaCha20Poly1305, 256, None),
            0,
            "12345678000000050000000100000005f2ede2054b74faaa4ca5dbff1c25105ee58873ca653bfc44342a03e9c9ab04b93322f770bd723504",
        ),
        (
            suite(Cipher::AesCbc, 128, Some(Integrity::HmacSha256)),
            32,
            "1234567800000005c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1ed2b6bf1389596c6ba33fa508c1974ac6404f2c3dd5fb4ae885d88da9a857dddf3b94b5e9ea613d458040ca77fca766f",
        ),
        (
            suite(Cipher::AesCbc, 128, Some(Integrity::HmacSha1)),
            20,
            "1234567800000005c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1ed2b6bf1389596c6ba33fa508c1974ac6404f2c3dd5fb4ae885d88da9a857ddd7c1f6f118d57c2855aafc0b2",
        ),
    ]
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn packets_of_another_implementation_open() {
    for (suite, integrity, hex) in made_elsewhere() {
        let encryption = counting(0, suite.shape().unwrap().key_len);
        let keys = Keys { spi: SPI, encryption, integrity: counting(100, integrity) };
        let opener = Opener::new(suite, &keys, 1024, true).unwrap();
        let mut early = octets(hex);
        assert_eq!(opener.open(&mut opener.window(), &mut early), Err(Refusal::Forged), "{suite:?}: no lap passed yet");
        opener.window().mark(0xffff_fff0);
        let mut packet = octets(hex);
        let opened = opener.open(&mut opener.window(), &mut packet).unwrap();
        assert_eq!((&packet[opened.payload], opened.mark), (&counting(0, 22)[..], Mark::Advanced));
        assert_eq!(opener.open(&mut opener.window(), &mut octets(hex)), Err(Refusal::Replayed));
    }
}

#[test]
fn an_aead_seals_as_another_implementation() {
    for (suite, _, hex) in made_elsewhere().into_iter().filter(|(suite, ..)| suite.integrity.is_none()) {
        let encryption = counting(0, suite.shape().unwrap().key_len);
        let keys = Keys { spi: SPI, encryption, integrity: counting(0, 0) };
        let sealer = Sealer::new(suite, &keys, &[0; 16], true).unwrap();
        let mut out = Vec::new();
        sealer.seal(NUMBER, &counting(0, 22), 4, &mut out);
        assert_eq!((out.len(), out), (sealed_len(sealer.shape(), 22), octets(hex)), "{suite:?}");
    }
}

#[test]
fn a_pair_walks_on_where_one_without_ends() {
    let suites = made_elsewhere().map(|(suite, ..)| suite);
    for (suite, esn) in suites.into_iter().flat_map(|suite| [(suite, true), (suite, false)]) {
        let shape = suite.shape().unwrap();
        let keyed = |spi: u32| Keys {
            spi,
            encryption: counting((spi / 10) as u8, shape.key_len),
            integrity: counting(1, shape.integrity_key_len),
        };
        let end = |end| {
            child(end, |it| {
                (it.suite, it.esn) = (suite, esn);
                (it.inbound, it.outbound) = (keyed(it.inbound.spi), keyed(it.outbound.spi));
            })
        };
        let (client, gateway) = (end(Ends::Client), end(Ends::Gateway));
        client.next_sequence.store(u64::from(u32::MAX) - 9, Relaxed);
        let sent: Vec<_> = (0..20).map(|size| send(&client, ping(size))).collect();
        let ended = sent.iter().filter(|(sent, _)| *sent == Sent::Carried(Some(Expiry::Hard))).count();
        assert_eq!((ended, client.life().is_over()), (usize::from(!esn), !esn));
        let mut datagrams: Vec<_> = sent.into_iter().flat_map(|(_, datagrams)| datagrams).collect();
        assert_eq!(datagrams.len(), if esn { 20 } else { 10 });
        let late = datagrams.remove(8); // one from before the end comes behind it
        datagrams.push(late);
        for esp in &mut datagrams {
            assert!(receive(&gateway, esp, &from(at(4500), 1)).unwrap().inner.is_some());
        }
        let counters = gateway.counters();
        assert_eq!((counters.packets_in, counters.forged, counters.replayed), (datagrams.len() as u64, 0, 0));
    }
}
