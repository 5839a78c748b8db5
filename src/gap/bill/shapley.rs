//! Shapley values of a function of sets (Shapley 1953).

/// Of each of `players` what it takes from `value` when it joins a set, v(S) − v(S ∪ {i}), averaged over all orders in which
/// the players can join. `value` takes a set as bits, player i as bit i. The values add up to v(∅) − v(all), but for rounding.
pub(super) fn values(value: impl Fn(usize) -> f64, players: usize) -> Vec<f64> {
    let of_set: Vec<f64> = (0..1 << players).map(value).collect();
    let mut shares = vec![0.0; players];
    for (player, share) in shares.iter_mut().enumerate() {
        for set in (0..of_set.len()).filter(|set| set & (1 << player) == 0) {
            *share += weight(set.count_ones() as usize, players) * (of_set[set] - of_set[set | 1 << player]);
        }
    }
    shares
}

/// The share of all orders in which a given player comes right after a given set of `before` players:
/// before! (players − before − 1)! / players!.
fn weight(before: usize, players: usize) -> f64 {
    let factorial = |n: usize| (1..=n).map(|factor| factor as f64).product::<f64>();
    factorial(before) * factorial(players - before - 1) / factorial(players)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_players_get_their_own_and_joint_ones_share() {
        // Player 0 takes 3; players 1 and 2 take 2 together only.
        let value = |set: usize| 10.0 - if set & 1 == 1 { 3.0 } else { 0.0 } - if set & 6 == 6 { 2.0 } else { 0.0 };
        let shares = values(value, 3);
        for (share, expected) in shares.iter().zip([3.0, 1.0, 1.0]) {
            assert!((share - expected).abs() < 1e-12, "{shares:?}");
        }
    }

    #[test]
    fn the_values_add_up_to_what_all_take() {
        let value =
            |set: usize| [0.3, -1.0, 2.0, 0.7, 0.1, -0.2, 0.9, 4.0, 1.5, 0.0, 2.5, 2.0, -1.5, 0.4, 0.6, 0.8][set];
        let sum: f64 = values(value, 4).iter().sum();
        assert!((sum - (0.3 - 0.8)).abs() < 1e-12, "{sum}");
    }
}
