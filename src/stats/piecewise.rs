//! Fits a continuous piecewise linear function to a series.
//!
//! Knots are added where they lower the sum of squares most (the forward pass of Friedman's MARS, 1991), and kept where an
//! F-test at a strict level justifies them.

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::hinges::Hinges;

/// Fewest points of a series, and of its last piece after a step.
pub const FEW: usize = 5;
/// Most knots.
const KNOTS: usize = 6;
/// Significance level for a further knot. It is strict because the knot's position was chosen among many.
const LEVEL: f64 = 0.002;

/// The piecewise linear fit, with as many knots as are justified.
pub fn fit(points: &[(f64, f64)]) -> Option<Hinges> {
    let n = points.len();
    // The last piece needs enough points to have a slope of its own.
    let last = (n / 5).clamp(3, 15);
    let candidates: Vec<f64> = points[1..n.saturating_sub(last).max(1)].iter().map(|(x, _)| *x).collect();
    // A step can be recognised from fewer points after it than a change of slope.
    let for_steps: Vec<f64> = points[1..n.saturating_sub(FEW - 1).max(1)].iter().map(|(x, _)| *x).collect();
    let level = points.iter().map(|(_, y)| y.abs()).sum::<f64>() / n as f64;
    // A single knot of a step or a turn may not lower the squares enough to be justified on its own. All fits up to the
    // largest are therefore made before any is judged.
    let mut fits = vec![Hinges::through(points, &[])?];
    // A fit this close needs no further knot.
    while fits.len() <= KNOTS && fits.last().is_some_and(|fit| (fit.squares / n as f64).sqrt() > 2e-4 * level) {
        let count = fits.len();
        let one = with_a_knot(points, &candidates, &fits[count - 1]);
        let step = count.checked_sub(2).and_then(|before| with_a_step(points, &for_steps, &fits[before]));
        let better = one.into_iter().chain(step).min_by(|a, b| a.squares.total_cmp(&b.squares));
        match better {
            Some(better) => fits.push(better),
            None => break,
        }
    }
    let mut fits = fits.into_iter();
    let mut best = fits.next()?;
    for more in fits {
        if is_worth(points, &best, &more, level) {
            best = more;
        }
    }
    Some(best)
}

/// The fit with one more knot, where it helps most, and all knots moved to their best positions.
fn with_a_knot(points: &[(f64, f64)], candidates: &[f64], fit: &Hinges) -> Option<Hinges> {
    let free = candidates.iter().filter(|knot| !fit.knots.contains(knot));
    let fits = free.filter_map(|knot| with_knots(points, fit, &[*knot]));
    let better = fits.min_by(|a, b| a.squares.total_cmp(&b.squares))?;
    Some(settled(points, candidates, better))
}

/// The fit with two more knots at neighbouring points: a step, such as where the learning rate drops.
fn with_a_step(points: &[(f64, f64)], candidates: &[f64], fit: &Hinges) -> Option<Hinges> {
    let free = candidates.windows(2).filter(|pair| pair.iter().all(|knot| !fit.knots.contains(knot)));
    let fits = free.filter_map(|pair| with_knots(points, fit, pair));
    fits.min_by(|a, b| a.squares.total_cmp(&b.squares))
}

/// The fit with further knots.
fn with_knots(points: &[(f64, f64)], fit: &Hinges, more: &[f64]) -> Option<Hinges> {
    let knots: Vec<f64> = fit.knots.iter().chain(more).copied().collect();
    Hinges::through(points, &knots)
}

/// Whether the additional knots of `more` explain more than chance. Each costs two degrees of freedom: position and slope.
fn is_worth(points: &[(f64, f64)], fit: &Hinges, more: &Hinges, level: f64) -> bool {
    let n = points.len() as f64;
    let cost = 2.0 * (more.knots.len() - fit.knots.len()) as f64;
    let freedom = n - 2.0 - 2.0 * more.knots.len() as f64;
    if freedom < 1.0 {
        return false;
    }
    let residuals: Vec<f64> = points.iter().map(|&(x, y)| y - more.at(x)).collect();
    let noise = (more.squares * variance_inflation(&residuals)).max(1e-12 * level * level * n);
    let f = (fit.squares - more.squares) / cost / (noise / freedom);
    FisherSnedecor::new(cost, freedom).is_ok_and(|distribution| distribution.sf(f) < LEVEL)
}

/// The fit with each knot moved to its best position, given the others.
fn settled(points: &[(f64, f64)], candidates: &[f64], mut fit: Hinges) -> Hinges {
    for index in 0..fit.knots.len() {
        let others = fit.knots.clone();
        for &knot in candidates {
            let mut knots = others.clone();
            knots[index] = knot;
            if let Some(moved) = Hinges::through(points, &knots).filter(|moved| moved.squares < fit.squares) {
                fit = moved;
            }
        }
    }
    fit
}

/// The factor by which the correlation of neighbours raises the variance of a slope: (1 + r) / (1 − r) with the residuals'
/// autocorrelation r at lag 1, corrected for the bias of short series; never below 1.
pub fn variance_inflation(residuals: &[f64]) -> f64 {
    let n = residuals.len() as f64;
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    if squares == 0.0 {
        return 1.0;
    }
    let together: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let r = (together / squares + 1.0 / n).clamp(0.0, 0.8);
    (1.0 + r) / (1.0 - r)
}
