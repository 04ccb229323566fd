//! Every trial over its corpus, and over octets from a generator that are the same each time.

use std::fs;
use std::path::Path;

use lotor_trials::{Trial, ALL};

/// Of each trial, and of the slow one; fuzzing looks further (`make fuzz`).
const INPUTS: u64 = 2000;
const INPUTS_OF_TUNNEL: u64 = 500;
const LONGEST: usize = 800;

/// Tells which input it was when a trial panics.
struct Place(&'static str, String);

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the trial {} failed with {}", self.0, self.1);
        }
    }
}

/// SplitMix64.
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Some inputs are short, and some have many zeros, which mean "as usual" in many places.
    fn octets(&mut self) -> Vec<u8> {
        let len = (self.next() as usize % LONGEST) >> (self.next() % 4);
        let dense = self.next() % 4;
        (0..len).map(|_| self.next()).map(|value| if value >> 8 & 3 < dense { 0 } else { value as u8 }).collect()
    }
}

fn over_generated(trial: Trial) {
    let (name, run) = trial;
    for seed in 0..if name == "tunnel" { INPUTS_OF_TUNNEL } else { INPUTS } {
        let octets = Generator(seed << 32).octets();
        let _place = Place(name, format!("octets of seed {seed}: {octets:02x?}"));
        run(&octets);
    }
}

fn over_corpus(trial: Trial) {
    let (name, run) = trial;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let files: Vec<_> = fs::read_dir(folder).expect("each trial has a corpus").collect();
    assert!(!files.is_empty());
    for file in files {
        let path = file.expect("the folder can be read").path();
        let _place = Place(name, path.display().to_string());
        run(&fs::read(&path).expect("the file can be read"));
    }
}

macro_rules! trials {
    ($($name:ident: $at:literal;)*) => {
        $(
            #[test]
            fn $name() {
                assert_eq!(ALL[$at].0, stringify!($name));
                over_corpus(ALL[$at]);
                over_generated(ALL[$at]);
            }
        )*
    };
}

trials! {
    coalescer: 0;
    codec: 1;
    headers: 2;
    inflater: 3;
    opener: 4;
    segmenter: 5;
    tunnel: 6;
}
