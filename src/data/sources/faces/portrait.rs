//! Draws one person in one scene: shapes by signed distance, features painted on an ellipsoid that turns.

use super::draws::FaceDraws;
use super::expression::Muscles;
use super::features;
use super::person::{Hair, Person};
use super::scene::{Occluder, Pose, Scene};
use super::shapes::{Brush, Point, at, disc, ellipse, grain, rectangle, stroke};

/// Height and width of an image in pixels.
pub const SIZE: usize = 48;
const PIXELS: usize = SIZE * SIZE;

/// The image as `SIZE`² grey values, row by row; `draws` gives the camera's noise.
pub fn render(person: &Person, muscles: &Muscles, scene: &Scene, draws: &mut FaceDraws) -> [u8; PIXELS] {
    let mut tones = [0.0; PIXELS];
    for (position, tone) in tones.iter_mut().enumerate() {
        let centre_of = |step: usize| (step as f32 + 0.5) * 2.0 / SIZE as f32 - 1.0;
        *tone = shade(person, muscles, scene, at(centre_of(position % SIZE), centre_of(position / SIZE)));
    }
    for _ in 0..scene.blur {
        tones = blurred(&tones);
    }
    tones.map(|tone| {
        let exposed = (tone - 0.5) * scene.contrast + 0.5 + scene.brightness + scene.noise * draws.bell();
        (exposed.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

/// The tone at point `p` of the image, before the camera.
fn shade(person: &Person, muscles: &Muscles, scene: &Scene, p: Point) -> f32 {
    let Pose { centre, scale, roll, .. } = scene.pose;
    let brush = Brush { pixel: 2.0 / SIZE as f32 / scale };
    let on_head = roll.apply(p - centre) * (1.0 / scale);

    let clutter = grain(p * 2.5, scene.clutter_seed) - 0.5;
    let mut tone = scene.background + scene.background_slope.dot(p) + scene.clutter * clutter;
    tone = body(tone, person, on_head, brush);
    tone = head(tone, person, muscles, scene, on_head, brush);
    match scene.occluder {
        Some(occluder) => occlude(tone, occluder, p),
        None => tone,
    }
}

/// Hair behind the head, neck, shoulders and ears.
fn body(mut tone: f32, person: &Person, p: Point, brush: Brush) -> f32 {
    let shadow = person.skin * 0.62;
    let mane = ellipse(p, at(0.0, 0.05), at(person.width + 0.28, 1.12)).max(p.y - 1.0);
    match person.hair {
        Hair::Long => tone = brush.lay(tone, mane, person.hair_tone * 0.8, 1.0),
        Hair::Scarf => tone = brush.lay(tone, mane, person.hair_tone, 1.0),
        _ => {}
    }
    tone = brush.lay(tone, rectangle(p, at(0.0, 1.1), at(person.width * 0.55, 0.5), 0.1), shadow, 1.0);
    tone = brush.lay(tone, ellipse(p, at(0.0, 1.75), at(1.3, 0.55)), 1.0 - person.hair_tone, 1.0);
    if person.hair == Hair::Scarf {
        return tone;
    }
    let ear = disc(at(p.x.abs(), p.y), at(person.width * 0.97, 0.02), 0.15);
    brush.lay(tone, ear, person.skin * 0.8, 1.0)
}

/// The head with its features and the hair upon it, lit.
fn head(under: f32, person: &Person, muscles: &Muscles, scene: &Scene, p: Point, brush: Brush) -> f32 {
    // On the unit sphere: the head's width is divided out, and with it the chin's taper.
    let chin = p.y.max(0.0);
    let half_width = person.width * (1.0 - person.taper * chin * chin);
    let sphere = at(p.x / half_width, p.y);
    let radius = sphere.length();
    let outline = (radius - 1.0) * half_width;
    let crown = (radius / person.volume - 1.0) * half_width;
    if crown > brush.pixel {
        return under;
    }

    // Outside the outline the surface is edge-on, so that protruding hair is lit like the rim.
    let depth = (1.0 - radius * radius).max(0.0).sqrt();
    let [x, y, z] = scene.light;
    let facing = (sphere.x * x + sphere.y * y) / radius.max(1.0) + depth * z;
    let light = scene.ambient + 1.3 * (1.0 - scene.ambient) * facing.max(0.0);

    let face = on_face(&scene.pose, sphere, depth, half_width);
    let tone = brush.lay(under, outline, features::paint(person, muscles, face, brush) * light, 1.0);
    let lay = |tone, distance: f32, ink, opacity| brush.lay(tone, distance.max(crown), ink * light, opacity);
    hair(tone, person, face, outline, lay)
}

/// The place on the rotated head that is visible at the point `front` of the unit sphere: in half heights, sideways and
/// down.
fn on_face(pose: &Pose, front: Point, depth: f32, half_width: f32) -> Point {
    let Point { x, y: z } = pose.yaw.apply(at(front.x, depth));
    let Point { x: y, .. } = pose.pitch.apply(at(front.y, z));
    at(x * half_width, y)
}

/// Paints hair, cap or scarf in front; `lay(under, distance, tone, opacity)` clips to the hair's outline and lights it.
fn hair(tone: f32, person: &Person, face: Point, outline: f32, lay: impl Fn(f32, f32, f32, f32) -> f32) -> f32 {
    let [height, slope, bend] = person.hairline;
    let edge = face.y - (height + slope * face.x + bend * face.x * face.x);
    let strands = grain(at(face.x * 9.0, face.y * 3.0), person.grain) - 0.5;
    match person.hair {
        Hair::Bald => lay(tone, outline.max(face.y + 0.75), person.skin * 0.97, 0.5),
        Hair::Short | Hair::Long => lay(tone, edge, person.hair_tone + 0.16 * strands, 1.0),
        Hair::Curly => {
            let curls = grain(face * 5.0, person.grain) - 0.5;
            lay(tone, edge + 0.25 * curls, person.hair_tone + 0.35 * curls, 1.0)
        }
        Hair::Cap => {
            let brim = stroke(face, at(-0.6, -0.5), at(0.6, -0.5), 0.05);
            lay(lay(tone, face.y + 0.52, person.hair_tone, 1.0), brim, person.hair_tone * 0.6, 1.0)
        }
        Hair::Scarf => {
            let opening = ellipse(face, at(0.0, 0.12), at(person.width * 0.86, 0.8));
            lay(tone, -opening, person.hair_tone + 0.1 * strands, 1.0)
        }
    }
}

/// A bar or a hand in front of everything.
fn occlude(tone: f32, occluder: Occluder, p: Point) -> f32 {
    let brush = Brush { pixel: 2.0 / SIZE as f32 };
    match occluder {
        Occluder::Bar { middle, across, half_width, tone: bar } => {
            brush.lay(tone, (p - middle).dot(across).abs() - half_width, bar, 1.0)
        }
        Occluder::Hand { palm, fingers, size, tone: skin } => {
            hand(tone, fingers.apply(p - palm) * (1.0 / size), skin, brush.pixel / size)
        }
    }
}

/// A hand with its palm at (0, 0) and its fingers upwards; the palm has radius 1.
fn hand(mut tone: f32, p: Point, skin: f32, pixel: f32) -> f32 {
    let brush = Brush { pixel };
    tone = brush.lay(tone, stroke(p, at(0.0, 0.5), at(0.0, 6.0), 0.75), skin * 0.8, 1.0);
    tone = brush.lay(tone, disc(p, at(0.0, 0.0), 1.0), skin, 1.0);
    for finger in 0..4 {
        let spread = finger as f32 - 1.5;
        let tip = at(0.75 * spread, -2.3 + 0.2 * spread * spread);
        let distance = stroke(p, at(0.5 * spread, -0.5), tip, 0.24);
        tone = brush.lay(tone, distance - 0.09, skin * 0.6, 1.0);
        tone = brush.lay(tone, distance, skin, 1.0);
    }
    tone
}

/// Blurs with one pass of the kernel 1 2 1 along rows and columns; the border pixels are repeated.
fn blurred(tones: &[f32; PIXELS]) -> [f32; PIXELS] {
    let pass = |from: &[f32; PIXELS], along_rows: bool| {
        std::array::from_fn(|position| {
            let (row, column) = (position / SIZE, position % SIZE);
            let value = |step: isize| {
                let moved = |place: usize| place.saturating_add_signed(step).min(SIZE - 1);
                if along_rows { from[row * SIZE + moved(column)] } else { from[moved(row) * SIZE + column] }
            };
            0.25 * value(-1) + 0.5 * value(0) + 0.25 * value(1)
        })
    };
    pass(&pass(tones, true), false)
}
