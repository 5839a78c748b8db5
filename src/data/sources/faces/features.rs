//! Brows, eyes, nose, mouth, glasses and beard, painted in the plane; `portrait` projects them onto the head.

use super::expression::Muscles;
use super::person::{Glasses, Person};
use super::shapes::{Brush, Point, at, disc, grain, rectangle, rim, stroke};

/// The tone of the face at `p`, in half heights of the head from its centre, before any light.
pub fn paint(person: &Person, muscles: &Muscles, p: Point, brush: Brush) -> f32 {
    // Both halves of a face are equal: paint the right one.
    let half = at(p.x.abs(), p.y);
    let mut tone = person.skin;
    tone = beard(tone, person, p, brush);
    tone = creases(tone, person, muscles, half, brush);
    tone = nose(tone, person, half, brush);
    tone = mouth(tone, person, muscles, half, brush);
    tone = moustache(tone, person, half, brush);
    tone = eye(tone, person, muscles, half, brush);
    tone = brow(tone, person, muscles, half, brush);
    glasses(tone, person, half, brush)
}

fn beard(tone: f32, person: &Person, p: Point, brush: Brush) -> f32 {
    let cheek = person.mouth_y - 0.15 + 0.35 * (person.width - p.x.abs()).max(0.0) * 0.5;
    let stubble = 0.25 * (grain(p * 12.0, person.grain) - 0.5);
    brush.lay(tone, cheek - p.y, person.hair_tone + stubble, person.beard)
}

fn moustache(tone: f32, person: &Person, p: Point, brush: Brush) -> f32 {
    let y = person.mouth_y - 0.11;
    let stripe = stroke(p, at(0.0, y), at(person.mouth_width * 0.8, y + 0.04), 0.045);
    brush.lay(tone, stripe, person.hair_tone, person.moustache)
}

/// Paints the creases that muscle actions cause.
fn creases(mut tone: f32, person: &Person, muscles: &Muscles, p: Point, brush: Brush) -> f32 {
    let mut crease = |a: Point, b: Point, depth: f32| {
        let opacity = (depth * (0.35 + 0.5 * person.age)).clamp(0.0, 0.85);
        tone = brush.lay(tone, stroke(p, a, b, 0.016), person.skin * 0.5, opacity);
    };
    let nose_y = person.eye_y + person.nose_length;
    let corner = corner_of_mouth(person, muscles);
    let cheek = muscles.corner.max(muscles.sneer);
    crease(at(person.nose_width + 0.07, nose_y - 0.04), at(corner.x + 0.06, corner.y - 0.06), cheek);

    let brow_y = person.eye_y - person.brow_lift;
    crease(at(0.05, brow_y - 0.06), at(0.06, brow_y + 0.1), muscles.pinch);
    let raised = muscles.brow_inner.min(muscles.brow_outer + 0.6);
    crease(at(0.0, brow_y - 0.2), at(0.28, brow_y - 0.21), raised);
    crease(at(0.0, brow_y - 0.3), at(0.22, brow_y - 0.31), raised);

    let bridge = person.eye_y + 0.08;
    crease(at(0.03, bridge + 0.02), at(0.12, bridge - 0.04), muscles.wrinkle);
    crease(at(0.04, bridge + 0.1), at(0.14, bridge + 0.05), muscles.wrinkle);
    tone
}

fn nose(mut tone: f32, person: &Person, p: Point, brush: Brush) -> f32 {
    let (width, tip) = (person.nose_width, person.eye_y + person.nose_length);
    tone = brush.lay(
        tone,
        stroke(p, at(width * 0.5, person.eye_y + 0.08), at(width, tip - 0.05), 0.02),
        person.skin * 0.8,
        0.6,
    );
    tone = brush.lay(tone, disc(p, at(width * 0.9, tip - 0.02), 0.05), person.skin * 0.75, 0.7);
    brush.lay(tone, disc(p, at(width * 0.55, tip), 0.032), person.skin * 0.3, 0.9)
}

fn corner_of_mouth(person: &Person, muscles: &Muscles) -> Point {
    let width = person.mouth_width * (1.0 + 0.4 * muscles.stretch + 0.12 * muscles.corner.abs());
    at(width.max(0.08), person.mouth_y - 0.16 * muscles.corner)
}

/// Two parabolas from corner to corner, the mouth's opening between them.
fn mouth(mut tone: f32, person: &Person, muscles: &Muscles, p: Point, brush: Brush) -> f32 {
    let corner = corner_of_mouth(person, muscles);
    let open = muscles.open.clamp(0.0, 1.2);
    let across = p.x / corner.x;
    let arch = 1.0 - across * across;
    // The corners move against the middle, which gives half as much.
    let middle = 0.3 * muscles.corner;
    let upper = corner.y + (middle - 0.12 * open - 0.14 * muscles.sneer.max(0.0)) * arch;
    let lower = corner.y + (middle + 0.34 * open + 0.05 * muscles.sneer.max(0.0)) * arch;

    // Vertical distances, corrected for the slope of the parabolas.
    let slope = 2.0 * (middle.abs() + 0.18 * open) * across / corner.x;
    let steep = 1.0 / (1.0 + slope * slope).sqrt();
    let opening = ((upper - p.y).max(p.y - lower) * steep).max(p.x - corner.x);

    let lips = opening - person.lip * (0.4 + 0.6 * arch.max(0.0));
    tone = brush.lay(tone, lips, person.skin * 0.62, 0.8);
    tone = brush.lay(tone, opening - 0.022, person.skin * 0.22, 1.0);
    if open > 0.05 || muscles.sneer > 0.3 {
        let gape = lower - upper;
        let teeth = p.y - (upper + gape * muscles.teeth.clamp(0.0, 1.0));
        tone = brush.lay(tone, (opening + 0.01).max(teeth), 0.92, 0.95);
        let tongue = disc(p, at(0.0, lower + 0.04), corner.x * 0.6);
        tone = brush.lay(tone, (opening + 0.015).max(tongue).max(-teeth), person.skin * 0.5, 0.6);
    }
    tone
}

fn eye(mut tone: f32, person: &Person, muscles: &Muscles, p: Point, brush: Brush) -> f32 {
    let centre = at(person.eye_x, person.eye_y);
    let across = (p.x - centre.x) / person.eye_width;
    let arch = 1.0 - across * across;
    let rise = -person.eye_slant * across;
    let upper = person.eye_height * (1.0 + 0.65 * muscles.lid).max(0.12);
    let lower = person.eye_height * (0.75 + 0.2 * muscles.lid.max(0.0) - 0.7 * muscles.squint).max(-0.1);
    let y = p.y - centre.y - rise;
    let lid = -y - upper * arch;
    let opening = lid.max(y - lower * arch).max((across.abs() - 1.0) * person.eye_width);

    tone = brush.lay(tone, opening - 0.02, person.skin * 0.55, 0.7);
    let iris = disc(p, at(centre.x, centre.y - 0.01), person.iris);
    tone = brush.lay(tone, opening, 0.95, 1.0);
    tone = brush.lay(tone, opening.max(iris), person.iris_tone, 1.0);
    tone = brush.lay(tone, opening.max(disc(p, at(centre.x + 0.025, centre.y - 0.035), 0.02)), 1.0, 0.8);
    // The lashes of the upper lid.
    let lash = rim(lid, 0.022).max((across.abs() - 1.05) * person.eye_width);
    brush.lay(tone, lash, 0.08, 0.85)
}

/// Two strokes from the inner end over the arch to the outer end.
fn brow(tone: f32, person: &Person, muscles: &Muscles, p: Point, brush: Brush) -> f32 {
    let y = person.eye_y - person.brow_lift;
    let inner = at(person.eye_x - 0.17 - 0.06 * muscles.pinch, y - 0.22 * muscles.brow_inner + 0.04 * muscles.pinch);
    let outer = at(person.eye_x + 0.22, y + 0.02 - 0.21 * muscles.brow_outer);
    let arch = (inner + outer) * 0.5 - at(0.0, person.brow_arch + 0.02);
    let weight = person.brow_weight;
    let hairs = stroke(p, inner, arch, weight).min(stroke(p, arch, outer, weight * 0.75));
    brush.lay(tone, hairs, person.hair_tone.min(person.skin - 0.2).max(0.03), 0.9)
}

fn glasses(mut tone: f32, person: &Person, p: Point, brush: Brush) -> f32 {
    let centre = at(person.eye_x, person.eye_y + 0.02);
    let lens = match person.glasses {
        Glasses::None => return tone,
        Glasses::Round => disc(p, centre, 0.24),
        Glasses::Square | Glasses::Dark => rectangle(p, centre, at(0.25, 0.18), 0.06),
    };
    let dark = if person.glasses == Glasses::Dark { 0.88 } else { 0.06 };
    tone = brush.lay(tone, lens, 0.08, dark);
    let bridge = stroke(p, at(0.0, centre.y - 0.06), at(centre.x - 0.22, centre.y - 0.06), 0.022);
    let arm = stroke(p, at(centre.x + 0.23, centre.y - 0.06), at(person.width, centre.y - 0.1), 0.022);
    brush.lay(tone, rim(lens, 0.022).min(bridge).min(arm), 0.1, 0.9)
}
