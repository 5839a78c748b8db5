//! A continuous piecewise linear fit by least squares: a constant, a slope, and a change of slope at each knot.

/// The fitted line.
#[derive(Clone, Debug)]
pub struct Hinges {
    /// Where the slope changes.
    pub knots: Vec<f64>,
    /// Sum of the squared residuals.
    pub squares: f64,
    /// The first x, which is subtracted from all others.
    first_x: f64,
    /// Constant, slope, and the change of slope at each knot.
    weights: Vec<f64>,
    /// The inverse of the normal equations' matrix.
    inverse: Vec<Vec<f64>>,
}

impl Hinges {
    /// The line of least squares through the points (x, y); None where points and knots do not determine it.
    pub fn through(points: &[(f64, f64)], knots: &[f64]) -> Option<Self> {
        let size = 2 + knots.len();
        let first_x = points.first()?.0;
        let mut matrix = vec![vec![0.0; size]; size];
        let mut right = vec![0.0; size];
        for &(x, y) in points {
            let row = row(x, first_x, knots);
            for i in 0..size {
                right[i] += row[i] * y;
                for j in 0..size {
                    matrix[i][j] += row[i] * row[j];
                }
            }
        }
        let inverse = inverse(matrix)?;
        let weights: Vec<f64> = inverse.iter().map(|line| line.iter().zip(&right).map(|(a, b)| a * b).sum()).collect();
        let mut fit = Self { knots: knots.to_vec(), squares: 0.0, first_x, weights, inverse };
        fit.squares = points.iter().map(|&(x, y)| (y - fit.at(x)).powi(2)).sum();
        Some(fit)
    }

    /// The line at `x`.
    pub fn at(&self, x: f64) -> f64 {
        row(x, self.first_x, &self.knots).iter().zip(&self.weights).map(|(a, b)| a * b).sum()
    }

    /// The end of the last step, if there is one: two knots no further apart than neighbouring points.
    pub fn last_step(&self, spacing: f64) -> Option<f64> {
        let mut knots = self.knots.clone();
        knots.sort_by(f64::total_cmp);
        knots.windows(2).rev().find(|pair| pair[1] - pair[0] <= 1.01 * spacing).map(|pair| pair[1])
    }

    /// The slope of the last piece, and its standard error for residuals of standard deviation 1.
    pub fn last_slope(&self) -> (f64, f64) {
        let slopes = 1..self.weights.len();
        let mut variance: f64 = 0.0;
        for i in slopes.clone() {
            variance += slopes.clone().map(|j| self.inverse[i][j]).sum::<f64>();
        }
        (self.weights[slopes].iter().sum(), variance.max(0.0).sqrt())
    }
}

/// The factor of each weight at `x`.
fn row(x: f64, first_x: f64, knots: &[f64]) -> Vec<f64> {
    let hinges = knots.iter().map(|knot| (x - knot).max(0.0));
    [1.0, x - first_x].into_iter().chain(hinges).collect()
}

/// The inverse of a symmetric positive definite matrix by Gauss-Jordan elimination with pivoting; None where it is singular.
fn inverse(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let size = matrix.len();
    let scale = matrix.iter().flatten().fold(0.0f64, |most, value| most.max(value.abs()));
    let mut inverse: Vec<Vec<f64>> =
        (0..size).map(|i| (0..size).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
    for column in 0..size {
        let pivot = (column..size).max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        if matrix[pivot][column].abs() <= 1e-12 * scale {
            return None;
        }
        matrix.swap(column, pivot);
        inverse.swap(column, pivot);
        let head = matrix[column][column];
        for j in 0..size {
            matrix[column][j] /= head;
            inverse[column][j] /= head;
        }
        for i in (0..size).filter(|&i| i != column) {
            let factor = matrix[i][column];
            for j in 0..size {
                matrix[i][j] -= factor * matrix[column][j];
                inverse[i][j] -= factor * inverse[column][j];
            }
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_are_there_are_found_exactly() {
        let line = |x: f64| 2.0 - 0.3 * x + 0.3 * (x - 4.0).max(0.0) + 0.1 * (x - 9.0).max(0.0);
        let points: Vec<(f64, f64)> = (1..=15).map(f64::from).map(|x| (x, line(x))).collect();
        let fit = Hinges::through(&points, &[4.0, 9.0]).unwrap();
        assert!(fit.squares < 1e-20, "{fit:?}");
        assert!((fit.last_slope().0 - 0.1).abs() < 1e-10 && (fit.at(20.0) - line(20.0)).abs() < 1e-9);
    }

    #[test]
    fn without_a_knot_the_error_is_that_of_a_straight_line() {
        let points: Vec<(f64, f64)> = (1..=5).map(|x| (f64::from(x), 1.0)).collect();
        // The squared distances of 1 to 5 from their mean add up to 10.
        let (slope, unit) = Hinges::through(&points, &[]).unwrap().last_slope();
        assert!(slope.abs() < 1e-12 && (unit - 0.1f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_determined_is_none() {
        assert!(Hinges::through(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)], &[]).is_none());
        let points: Vec<(f64, f64)> = (1..=5).map(|x| (f64::from(x), 1.0)).collect();
        assert!(Hinges::through(&points, &[3.0, 3.0]).is_none());
        assert!(Hinges::through(&[], &[]).is_none());
    }
}
