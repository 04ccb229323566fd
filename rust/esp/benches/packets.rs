//! What a packet costs in each step: `cargo bench -p lotor-esp`. A batch is 45 packets of 1,400 octets, what one large
//! packet of the device is cut into.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use criterion::{criterion_group, criterion_main, BatchSize, Criterion, Throughput};
use lotor_esp::algorithm::{Cipher, Integrity, Suite};
use lotor_esp::child::{Child, Path, Specification};
use lotor_esp::coalesce::{Coalescer, Kinds};
use lotor_esp::ip::{Header, Version};
use lotor_esp::lifetime::Limits;
use lotor_esp::network::Network;
use lotor_esp::open::Opener;
use lotor_esp::replay::Window;
use lotor_esp::seal::{Keys, Sealer};
use lotor_esp::size::{sealed_len, Encapsulation};
use lotor_esp::split::Segments;
use lotor_esp::table::Table;
use lotor_esp::vnet::{Frame, Segmentation};

const PACKETS: usize = 45;
const INNER: usize = 1400;
const SUITES: [(&str, Cipher, u16, Option<Integrity>); 7] = [
    ("aes128gcm16", Cipher::AesGcm16, 128, None),
    ("aes256gcm16", Cipher::AesGcm16, 256, None),
    ("chacha20poly1305", Cipher::ChaCha20Poly1305, 256, None),
    ("aes128-sha1", Cipher::AesCbc, 128, Some(Integrity::HmacSha1)),
    ("aes256-sha256", Cipher::AesCbc, 256, Some(Integrity::HmacSha256)),
    ("aes256-sha512", Cipher::AesCbc, 256, Some(Integrity::HmacSha512)),
    ("3des-md5", Cipher::TripleDesCbc, 192, Some(Integrity::HmacMd5)),
];

fn keys(suite: Suite) -> Keys {
    let shape = suite.shape().expect("the suite exists");
    let key = |len: usize| (0..len as u8).collect::<Vec<u8>>().into();
    Keys { spi: 0x1000, encryption: key(shape.key_len), integrity: key(shape.integrity_key_len) }
}

/// Sealed packets with numbers from 1 on, and how long each is.
fn sealed(sealer: &Sealer, packets: usize) -> (Vec<u8>, usize) {
    let stride = sealed_len(sealer.shape(), INNER);
    let mut octets = vec![0; stride * packets];
    for (number, room) in (1..).zip(octets.chunks_mut(stride)) {
        sealer.lay_out(number, INNER, 4, room).fill(0x55);
    }
    sealer.protect(&mut octets, stride);
    (octets, stride)
}

fn seal_and_open(criterion: &mut Criterion) {
    for packets in [PACKETS, 1] {
        for (name, cipher, key_bits, integrity) in SUITES {
            let suite = Suite { cipher, key_bits, integrity };
            let sealer = Sealer::new(suite, &keys(suite), &[7; 16], false).expect("the keys fit");
            let opener = Opener::new(suite, &keys(suite), 1024, false).expect("the keys fit");
            let (mut octets, stride) = sealed(&sealer, packets);
            let ready = octets.clone();
            let mut group = criterion.benchmark_group(name);
            group.throughput(Throughput::Elements(packets as u64));
            group.bench_function(format!("seal {packets}"), |bench| bench.iter(|| sealer.protect(&mut octets, stride)));
            group.bench_function(format!("open {packets}"), |bench| {
                bench.iter_batched_ref(
                    || (ready.clone(), Window::new(1024, false)),
                    |(octets, window)| {
                        opener.open_all(window, octets, stride, |_, opened| assert!(opened.is_ok()));
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

/// A TCP packet of 45 segments, as the device gives it.
fn large() -> (Vec<u8>, Frame) {
    let mut packet = vec![0x33; 40 + PACKETS * (INNER - 40)];
    let total = (packet.len() as u16).to_be_bytes();
    packet[..20]
        .copy_from_slice(&[0x45, 0, total[0], total[1], 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 99, 99, 1, 10, 0, 12, 7]);
    packet[20..40].copy_from_slice(&[4, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 8, 0, 0, 0, 0, 0]);
    let segment = (INNER - 40) as u16;
    (packet, Frame { segmentation: Segmentation::Tcp(Version::V4), segment, headers: 40, ..Frame::default() })
}

fn cut(packet: &[u8], frame: &Frame, arena: &mut [u8]) {
    let header = Header::parse(packet).expect("the packet is IPv4");
    let mut segments = Segments::new(packet, &header, frame).expect("the frame fits");
    for room in arena.chunks_mut(INNER) {
        segments.write_next(room);
    }
}

fn split_and_coalesce(criterion: &mut Criterion) {
    let (packet, frame) = large();
    let mut arena = vec![0; PACKETS * INNER];
    let mut group = criterion.benchmark_group("large packet");
    group.throughput(Throughput::Elements(PACKETS as u64));
    group.bench_function("split", |bench| bench.iter(|| cut(black_box(&packet), &frame, &mut arena)));
    let segments = arena.clone();
    let mut coalescer = Coalescer::new(Kinds { tcp: true, udp: true });
    group.bench_function("coalesce", |bench| {
        bench.iter_batched_ref(
            || segments.clone(),
            |arena| {
                let mut written = 0;
                for at in 0..PACKETS {
                    coalescer.add(arena, at * INNER..(at + 1) * INNER, &mut |_, _, pieces| written += pieces.len());
                }
                coalescer.flush(arena, &mut |_, _, pieces| written += pieces.len());
                assert_eq!(written, PACKETS);
            },
            BatchSize::SmallInput,
        );
    });
}

fn replay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(1));
    let (mut window, mut number) = (Window::new(1024, false), 0);
    group.bench_function("check and mark", |bench| {
        bench.iter(|| {
            number += 1;
            window.check(black_box(number)) && window.mark(number).is_some()
        });
    });
}

fn tunnel(number: u32) -> Child {
    let suite = Suite { cipher: Cipher::AesGcm16, key_bits: 128, integrity: None };
    let with_spi = |spi: u32| Keys { spi, ..keys(suite) };
    let lease = Ipv4Addr::from_bits(0x0a63_0000 + number);
    Child::new(
        Specification {
            id: number.into(),
            path: Path {
                local: Ipv4Addr::LOCALHOST.into(),
                remote: SocketAddr::from(([192, 0, 2, 1], 4500)),
                encapsulation: Encapsulation::Udp,
            },
            suite,
            inbound: with_spi(0x1000 + number),
            outbound: with_spi(0x0010_0000 + number),
            local_networks: vec![Network::new(Ipv4Addr::UNSPECIFIED.into(), 0).expect("a prefix of 0 fits")],
            remote_networks: vec![Network::new(lease.into(), 32).expect("a prefix of 32 fits")],
            limits: Limits::default(),
            largest_outer: 1500,
            replay_window: 1024,
            esn: false,
            replaces: None,
            compression: None,
            sending: true,
            rate: None,
            inform: None,
            iv_seed: [7; 16],
        },
        0,
    )
    .expect("the tunnel can be")
}

fn table(tunnels: u32) -> Table {
    let mut table = Table::new();
    for number in 0..tunnels {
        table.install(tunnel(number)).expect("every tunnel has its own numbers");
    }
    table
}

fn lease(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a63_0000 + number).into()
}

/// All numbers below `count` in an order that no prefetcher knows: a linear congruential generator's (Numerical Recipes).
fn at_random(count: u32) -> Vec<u32> {
    let mut state = 7u32;
    let mut numbers: Vec<u32> = (0..count).collect();
    for at in (1..count).rev() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        numbers.swap(at as usize, ((u64::from(state) * u64::from(at + 1)) >> 32) as usize);
    }
    numbers
}

fn lookup(criterion: &mut Criterion) {
    let inside: IpAddr = Ipv4Addr::new(10, 0, 12, 7).into();
    for tunnels in [1, 1_000, 10_000] {
        let table = table(tunnels);
        let (numbers, mut at) = (at_random(tunnels), 0);
        let mut next = || {
            at = if at + 1 < numbers.len() { at + 1 } else { 0 };
            numbers[at]
        };
        let mut group = criterion.benchmark_group(format!("lookup among {tunnels}"));
        group.bench_function("SPI", |bench| bench.iter(|| table.inbound(0x1000 + next()).is_some()));
        group.bench_function("destination", |bench| bench.iter(|| table.outbound(inside, lease(next())).is_some()));
        group.bench_function("one destination again", |bench| {
            bench.iter(|| table.outbound(inside, black_box(lease(0))).is_some());
        });
    }
}

/// A tunnel comes and goes beside so many others.
fn change(criterion: &mut Criterion) {
    for tunnels in [1, 10_000] {
        let mut table = table(tunnels);
        criterion.benchmark_group(format!("change among {tunnels}")).bench_function("install and remove", |bench| {
            bench.iter_batched(
                || tunnel(tunnels),
                |child| {
                    table.install(child).expect("every tunnel has its own numbers");
                    table.remove(tunnels.into());
                },
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(packets, seal_and_open, split_and_coalesce, replay, lookup, change);
criterion_main!(packets);
