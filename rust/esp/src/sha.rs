//! SHA-1 and SHA-2 over several messages at a time (FIPS 180-4): each vector holds one word of every message.

use crate::vector::{Block, Vector, Word, BLOCK_WORDS};

/// Words of the largest state.
pub(crate) const STATE_WORDS: usize = 8;

pub(crate) type State<V> = [V; STATE_WORDS];

/// A hash: where it starts and how a block changes it. SHA-1 uses five words of the state.
pub(crate) trait Hash: Send + Sync + 'static {
    type Word: Word;
    const START: State<Self::Word>;
    /// Octets of the digest.
    const DIGEST: usize;
    const BLOCK: usize = BLOCK_WORDS * size_of::<Self::Word>();
    /// From how many messages on this measured faster than the same number one by one by the processor's own
    /// instructions for a single message, with vectors of 512 and of 256 bits.
    const WORTH: [usize; 2];
    fn compress<V: Vector<Word = Self::Word>>(state: &mut State<V>, block: Block<V>);
}

#[inline(always)]
fn choose<V: Vector>(x: V, y: V, z: V) -> V {
    z.xor(x.and(y.xor(z)))
}

#[inline(always)]
fn parity<V: Vector>(x: V, y: V, z: V) -> V {
    x.xor(y).xor(z)
}

#[inline(always)]
fn majority<V: Vector>(x: V, y: V, z: V) -> V {
    x.and(y).or(z.and(x.or(y)))
}

pub(crate) struct Sha1;

impl Hash for Sha1 {
    type Word = u32;
    const START: State<u32> = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0, 0, 0, 0];
    const DIGEST: usize = 20;
    const WORTH: [usize; 2] = [4, 6];

    #[inline(always)]
    fn compress<V: Vector<Word = u32>>(state: &mut State<V>, mut w: Block<V>) {
        let [a, b, c, d, e, ..] = *state;
        let mut now = [a, b, c, d, e];
        twenty(&mut now, &mut w, 0, 0x5a82_7999, choose);
        twenty(&mut now, &mut w, 20, 0x6ed9_eba1, parity);
        twenty(&mut now, &mut w, 40, 0x8f1b_bcdc, majority);
        twenty(&mut now, &mut w, 60, 0xca62_c1d6, parity);
        state.iter_mut().zip(now).for_each(|(word, change)| *word = word.add(change));
    }
}

/// Twenty rounds of SHA-1 from round `from` on. Five rounds bring the names back to where they were.
#[inline(always)]
fn twenty<V: Vector<Word = u32>>(
    state: &mut [V; 5],
    w: &mut Block<V>,
    from: usize,
    constant: u32,
    mix: impl Fn(V, V, V) -> V,
) {
    let constant = V::splat(constant);
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    macro_rules! round {
        ($t:expr, $a:ident, $b:ident, $c:ident, $d:ident, $e:ident) => {
            if $t >= BLOCK_WORDS {
                let (p, q, r) = (w[($t + 13) % 16], w[($t + 8) % 16], w[($t + 2) % 16]);
                w[$t % 16] = p.xor(q).xor(r).xor(w[$t % 16]).rotated(31);
            }
            $e = $e.add(w[$t % 16].add(constant)).add(mix($b, $c, $d)).add($a.rotated(27));
            $b = $b.rotated(2);
        };
    }
    for t in (from..from + 20).step_by(5) {
        round!(t, a, b, c, d, e);
        round!(t + 1, e, a, b, c, d);
        round!(t + 2, d, e, a, b, c);
        round!(t + 3, c, d, e, a, b);
        round!(t + 4, b, c, d, e, a);
    }
    *state = [a, b, c, d, e];
}

/// What SHA-256 and SHA-512 differ in: rotations, shifts and the constants of the rounds.
struct Sha2<W: 'static> {
    sums: [[u32; 3]; 2],
    schedule: [[u32; 3]; 2],
    constants: &'static [W],
}

#[inline(always)]
fn sum<V: Vector>(x: V, [p, q, r]: [u32; 3]) -> V {
    x.rotated(p).xor(x.rotated(q)).xor(x.rotated(r))
}

#[inline(always)]
fn stir<V: Vector>(x: V, [p, q, shift]: [u32; 3]) -> V {
    x.rotated(p).xor(x.rotated(q)).xor(x.shifted(shift))
}

#[inline(always)]
fn compress_sha2<V: Vector>(state: &mut State<V>, mut w: Block<V>, hash: &Sha2<V::Word>) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    macro_rules! round {
        ($t:expr, $a:ident, $b:ident, $c:ident, $d:ident, $e:ident, $f:ident, $g:ident, $h:ident) => {
            if $t >= BLOCK_WORDS {
                let (p, q) = (w[($t + 1) % 16], w[($t + 14) % 16]);
                let stirred = stir(p, hash.schedule[0]).add(stir(q, hash.schedule[1]));
                w[$t % 16] = w[$t % 16].add(w[($t + 9) % 16]).add(stirred);
            }
            let keyed = $h.add(w[$t % 16].add(V::splat(hash.constants[$t])));
            let first = keyed.add(sum($e, hash.sums[1])).add(choose($e, $f, $g));
            $d = $d.add(first);
            $h = first.add(sum($a, hash.sums[0])).add(majority($a, $b, $c));
        };
    }
    for t in (0..hash.constants.len()).step_by(8) {
        round!(t, a, b, c, d, e, f, g, h);
        round!(t + 1, h, a, b, c, d, e, f, g);
        round!(t + 2, g, h, a, b, c, d, e, f);
        round!(t + 3, f, g, h, a, b, c, d, e);
        round!(t + 4, e, f, g, h, a, b, c, d);
        round!(t + 5, d, e, f, g, h, a, b, c);
        round!(t + 6, c, d, e, f, g, h, a, b);
        round!(t + 7, b, c, d, e, f, g, h, a);
    }
    state.iter_mut().zip([a, b, c, d, e, f, g, h]).for_each(|(word, change)| *word = word.add(change));
}

const SHA2_32: Sha2<u32> =
    Sha2 { sums: [[2, 13, 22], [6, 11, 25]], schedule: [[7, 18, 3], [17, 19, 10]], constants: &CONSTANTS_32 };
const SHA2_64: Sha2<u64> =
    Sha2 { sums: [[28, 34, 39], [14, 18, 41]], schedule: [[1, 8, 7], [19, 61, 6]], constants: &CONSTANTS };

pub(crate) struct Sha256;

impl Hash for Sha256 {
    type Word = u32;
    const START: State<u32> =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    const DIGEST: usize = 32;
    const WORTH: [usize; 2] = [7, usize::MAX];

    #[inline(always)]
    fn compress<V: Vector<Word = u32>>(state: &mut State<V>, w: Block<V>) {
        compress_sha2(state, w, &SHA2_32);
    }
}

pub(crate) struct Sha384;

impl Hash for Sha384 {
    type Word = u64;
    const START: State<u64> = [
        0xcbbb_9d5d_c105_9ed8,
        0x629a_292a_367c_d507,
        0x9159_015a_3070_dd17,
        0x152f_ecd8_f70e_5939,
        0x6733_2667_ffc0_0b31,
        0x8eb4_4a87_6858_1511,
        0xdb0c_2e0d_64f9_8fa7,
        0x47b5_481d_befa_4fa4,
    ];
    const DIGEST: usize = 48;
    const WORTH: [usize; 2] = [2, 3];

    #[inline(always)]
    fn compress<V: Vector<Word = u64>>(state: &mut State<V>, w: Block<V>) {
        compress_sha2(state, w, &SHA2_64);
    }
}

pub(crate) struct Sha512;

impl Hash for Sha512 {
    type Word = u64;
    const START: State<u64> = [
        0x6a09_e667_f3bc_c908,
        0xbb67_ae85_84ca_a73b,
        0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1,
        0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b,
        0x5be0_cd19_137e_2179,
    ];
    const DIGEST: usize = 64;
    const WORTH: [usize; 2] = [2, 3];

    #[inline(always)]
    fn compress<V: Vector<Word = u64>>(state: &mut State<V>, w: Block<V>) {
        compress_sha2(state, w, &SHA2_64);
    }
}

/// The first 64 bits behind the point of the cube roots of the first 80 primes.
#[rustfmt::skip]
const CONSTANTS: [u64; 80] = [
    0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538, 0x59f1_11f1_b605_d019, 0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242, 0x1283_5b01_4570_6fbe, 0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235, 0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3, 0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275, 0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab, 0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f, 0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725, 0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc, 0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed, 0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6, 0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001, 0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218, 0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53, 0x2748_774c_df8e_eb99, 0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb, 0x5b9c_ca4f_7763_e373, 0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc, 0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915, 0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c, 0xd186_b8c7_21c0_c207, 0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba, 0x0a63_7dc5_a2c8_98a6, 0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc, 0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a, 0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
];

/// The first 32 bits of the same, for the first 64 primes.
const CONSTANTS_32: [u32; 64] = {
    let (mut words, mut at) = ([0; 64], 0);
    while at < 64 {
        words[at] = (CONSTANTS[at] >> 32) as u32;
        at += 1;
    }
    words
};
