//! The palette is told apart by everybody: distances and contrasts are computed.

use super::{HUES, VARIABLES, linear, luminance, resolved, viridis};

/// Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision
/// Deficiency (2009), table 1, severity 1.0.
const VISIONS: [(&str, [[f64; 3]; 3]); 4] = [
    ("normal", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protan",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "deutan",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
    ),
    (
        "tritan",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ),
];

fn rgb(hex: &str) -> [u8; 3] {
    [1, 3, 5].map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
}

fn value(name: &str, dark: bool) -> [u8; 3] {
    let (_, light, night) = VARIABLES.iter().find(|(known, _, _)| *known == name).unwrap();
    rgb(if dark { night } else { light })
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// CIE L*a*b* under D65 as a vision sees it.
fn lab(color: [u8; 3], vision: &[[f64; 3]; 3]) -> [f64; 3] {
    let light = color.map(linear);
    let seen = vision.map(|row| {
        row.iter().zip(light).map(|(weight, channel)| weight * channel).sum::<f64>().clamp(0.0, 1.0)
    });
    let xyz = [
        [0.412_456_4, 0.357_576_1, 0.180_437_5],
        [0.212_672_9, 0.715_152_2, 0.072_175_0],
        [0.019_333_9, 0.119_192_0, 0.950_304_1],
    ]
    .map(|row: [f64; 3]| row.iter().zip(seen).map(|(w, c)| w * c).sum::<f64>());
    let f = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let [x, y, z] = [f(xyz[0] / 0.950_47), f(xyz[1]), f(xyz[2] / 1.088_83)];
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Sharma, Wu, Dalal: The CIEDE2000 Color-Difference Formula (2005).
fn ciede2000([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let pow7 = |x: f64| x.powi(7);
    let mean_c = (a1.hypot(b1) + a2.hypot(b2)) / 2.0;
    let g = 0.5 * (1.0 - (pow7(mean_c) / (pow7(mean_c) + pow7(25.0))).sqrt());
    let (a1, a2) = ((1.0 + g) * a1, (1.0 + g) * a2);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| b.atan2(a).to_degrees().rem_euclid(360.0);
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let mut dh = h2 - h1;
    if c1 * c2 == 0.0 {
        dh = 0.0;
    } else if dh > 180.0 {
        dh -= 360.0;
    } else if dh < -180.0 {
        dh += 360.0;
    }
    let (dl, dc) = (l2 - l1, c2 - c1);
    let dbig = 2.0 * (c1 * c2).sqrt() * (dh / 2.0).to_radians().sin();
    let (ml, mc) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let mh = match (h1 - h2).abs() > 180.0 {
        _ if c1 * c2 == 0.0 => h1 + h2,
        false => (h1 + h2) / 2.0,
        true if h1 + h2 < 360.0 => (h1 + h2 + 360.0) / 2.0,
        true => (h1 + h2 - 360.0) / 2.0,
    };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(mh - 30.0) + 0.24 * cos(2.0 * mh) + 0.32 * cos(3.0 * mh + 6.0)
        - 0.20 * cos(4.0 * mh - 63.0);
    let sl = 1.0 + 0.015 * (ml - 50.0).powi(2) / (20.0 + (ml - 50.0).powi(2)).sqrt();
    let (sc, sh) = (1.0 + 0.045 * mc, 1.0 + 0.015 * mc * t);
    let rt = -2.0
        * (pow7(mc) / (pow7(mc) + pow7(25.0))).sqrt()
        * (60.0 * (-((mh - 275.0) / 25.0).powi(2)).exp()).to_radians().sin();
    ((dl / sl).powi(2) + (dc / sc).powi(2) + (dbig / sh).powi(2) + rt * (dc / sc) * (dbig / sh))
        .sqrt()
}

#[test]
fn the_formula_agrees_with_its_authors() {
    // Rows 1, 7 and 25 of table 1 in Sharma, Wu and Dalal 2005.
    for (a, b, expected) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
    ] {
        let found = ciede2000(a, b);
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

#[test]
fn every_vision_tells_the_hues_apart() {
    for dark in [false, true] {
        for (vision, matrix) in &VISIONS {
            for first in 0..HUES {
                for second in first + 1..HUES {
                    let hue = |slot: usize| lab(value(&format!("c{slot}"), dark), matrix);
                    let distance = ciede2000(hue(first), hue(second));
                    assert!(distance >= 16.0, "{vision} {dark} {first} {second}: {distance:.1}");
                }
            }
        }
    }
}

#[test]
fn words_and_marks_stand_out() {
    for dark in [false, true] {
        for ground in ["bg", "card"] {
            let against = |name: &str| contrast(value(name, dark), value(ground, dark));
            // WCAG 2.2: 4.5 for text, 3 for marks.
            for text in ["ink", "mute", "link", "good", "bad", "warn"] {
                assert!(against(text) >= 4.5, "{text} on {ground}: {:.2}", against(text));
            }
            for mark in ["c0", "c1", "c2", "c3"] {
                assert!(against(mark) >= 3.0, "{mark} on {ground}: {:.2}", against(mark));
            }
        }
        for (text, ground) in [("good", "goodbg"), ("bad", "badbg"), ("warn", "warnbg")] {
            let found = contrast(value(text, dark), value(ground, dark));
            assert!(found >= 4.5, "{text} on {ground}: {found:.2}");
        }
        for ground in ["band", "warnbg"] {
            for text in ["ink", "mute"] {
                let found = contrast(value(text, dark), value(ground, dark));
                assert!(found >= 4.5, "{text} on {ground}: {found:.2}");
            }
        }
    }
}

#[test]
fn heat_is_brighter_with_more() {
    let steps: Vec<f64> = (0..=20).map(|step| luminance(viridis(f64::from(step) / 20.0))).collect();
    assert!(steps.is_sorted(), "{steps:?}");
    assert_eq!(viridis(f64::NAN), viridis(0.0));
}

#[test]
fn files_have_colours_instead_of_variables() {
    assert_eq!(resolved("a var(--c1) var(--no) var(--"), "a #0B5CB8 var(--no) var(--");
}
