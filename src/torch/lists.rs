//! Rust side of `lists.cpp`: operators over lists of tensors, each one call whatever the length of the list.
//!
//! A small network has a hundred tensors of a few thousand numbers each. A GPU finishes one of them before the host has
//! launched the next, so the time of an update there depends on the number of calls. On the CPU libtorch computes the
//! list tensor by tensor.

use std::ffi::c_char;

use tch::Tensor;
use torch_sys::C_tensor;

use super::{
    catch::throw,
    shim::{check, new_tensor, pointer, pointer_or_null},
};

/// A pointer to each tensor of a list.
type Pointers = *const *mut C_tensor;

unsafe extern "C" {
    fn mindgap_sgd(
        parameters: Pointers,
        gradients: Pointers,
        velocities: Pointers,
        n: i64,
        rate: f64,
        momentum: f64,
        nesterov: bool,
        decay: f64,
        found_inf: *mut C_tensor,
    ) -> *mut c_char;
    fn mindgap_adamw(
        parameters: Pointers,
        gradients: Pointers,
        first_moments: Pointers,
        second_moments: Pointers,
        n: i64,
        updates: *mut C_tensor,
        rate: f64,
        beta1: f64,
        beta2: f64,
        epsilon: f64,
        decay: f64,
        found_inf: *mut C_tensor,
    ) -> *mut c_char;
    fn mindgap_lerp_all(starts: Pointers, ends: Pointers, n: i64, share: f64) -> *mut c_char;
    fn mindgap_copy_all(targets: Pointers, sources: Pointers, n: i64) -> *mut c_char;
    fn mindgap_add_all(sums: Pointers, terms: Pointers, n: i64) -> *mut c_char;
    fn mindgap_scale_all(tensors: Pointers, n: i64, factor: *mut C_tensor) -> *mut c_char;
    fn mindgap_norms(tensors: Pointers, n: i64, largest: bool, out: *mut *mut C_tensor) -> *mut c_char;
    fn mindgap_unscale_all(tensors: Pointers, n: i64, factor: *mut C_tensor, found_inf: *mut C_tensor) -> *mut c_char;
}

/// The hyperparameters of one SGD update: v ← momentum·v + (g + decay·p), p ← p − rate·v; with nesterov
/// p ← p − rate·((g + decay·p) + momentum·v).
#[derive(Clone, Copy, Debug)]
pub struct SgdUpdate {
    /// The learning rate.
    pub rate: f64,
    /// The share of the velocity that is kept; at 0 the velocities are neither read nor written.
    pub momentum: f64,
    /// Whether momentum is Nesterov's.
    pub nesterov: bool,
    /// Weight decay.
    pub decay: f64,
}

/// The hyperparameters of one AdamW update: p ← p·(1 − rate·decay) − rate·m̂ / (√v̂ + epsilon).
#[derive(Clone, Copy, Debug)]
pub struct AdamWUpdate {
    /// The learning rate.
    pub rate: f64,
    /// Decay rate of the first moment, the running mean of the gradients.
    pub beta1: f64,
    /// Decay rate of the second moment, the running mean of the squared gradients.
    pub beta2: f64,
    /// Added to the denominator, which keeps the division finite.
    pub epsilon: f64,
    /// Weight decay.
    pub decay: f64,
}

/// One SGD update of `parameters` and their `velocities`, in place. Nothing changes if `found_inf`, a float32 `[1]` on
/// the device, is 1. One operator call.
/// Panics if a gradient has another shape or memory layout than its parameter.
pub fn sgd(
    parameters: &[&Tensor],
    gradients: &[&Tensor],
    velocities: &[&Tensor],
    update: SgdUpdate,
    found_inf: Option<&Tensor>,
) {
    let lists = [parameters, gradients, velocities].map(pointers);
    let n = same_length([parameters, gradients, velocities]);
    let SgdUpdate { rate, momentum, nesterov, decay } = update;
    // SAFETY: every list holds n pointers, which are valid while their tensors live; null stands for no tensor.
    throw_message(unsafe {
        let [parameters, gradients, velocities] = lists.each_ref().map(|list| list.as_ptr());
        mindgap_sgd(parameters, gradients, velocities, n, rate, momentum, nesterov, decay, pointer_or_null(found_inf))
    });
}

/// One AdamW update of `parameters` and their `moments` (first, second), in place. `updates`, a float32 scalar on the
/// device, is the number of this update, from 1. Nothing changes if `found_inf`, a float32 `[1]` on the device, is 1.
/// One operator call.
/// Panics if a gradient has another shape or memory layout than its parameter.
pub fn adamw(
    parameters: &[&Tensor],
    gradients: &[&Tensor],
    moments: [&[&Tensor]; 2],
    updates: &Tensor,
    update: AdamWUpdate,
    found_inf: Option<&Tensor>,
) {
    let n = same_length([parameters, gradients, moments[0], moments[1]]);
    let lists = [parameters, gradients, moments[0], moments[1]].map(pointers);
    let AdamWUpdate { rate, beta1, beta2, epsilon, decay } = update;
    // SAFETY: every list holds n pointers, which are valid while their tensors live; null stands for no tensor.
    throw_message(unsafe {
        let [parameters, gradients, first, second] = lists.each_ref().map(|list| list.as_ptr());
        let updates = pointer(updates);
        mindgap_adamw(
            parameters,
            gradients,
            first,
            second,
            n,
            updates,
            rate,
            beta1,
            beta2,
            epsilon,
            decay,
            pointer_or_null(found_inf),
        )
    });
}

/// `start ← start + share · (end − start)` for each pair, in place. One operator call.
/// Panics if two shapes differ.
pub fn lerp_all(starts: &[&Tensor], ends: &[&Tensor], share: f64) {
    in_pairs(starts, ends, |starts, ends, n| unsafe { mindgap_lerp_all(starts, ends, n, share) });
}

/// Copies each source into its target. One operator call.
/// Panics if two shapes differ.
pub fn copy_all(targets: &[&Tensor], sources: &[&Tensor]) {
    in_pairs(targets, sources, |targets, sources, n| unsafe { mindgap_copy_all(targets, sources, n) });
}

/// A copy of each tensor in its memory layout, detached from autograd.
pub fn copies(tensors: &[&Tensor]) -> Vec<Tensor> {
    let copies: Vec<Tensor> = tensors.iter().map(|tensor| tensor.detach().empty_like()).collect();
    copy_all(&copies.iter().collect::<Vec<_>>(), tensors);
    copies
}

/// Adds each term to its sum, in place. One operator call.
/// Panics if two shapes differ.
pub fn add_all(sums: &[&Tensor], terms: &[&Tensor]) {
    in_pairs(sums, terms, |sums, terms, n| unsafe { mindgap_add_all(sums, terms, n) });
}

/// Multiplies every tensor by `factor`, a scalar on the device, in place. One operator call.
/// Panics if `factor` holds more than one number.
pub fn scale_all(tensors: &[&Tensor], factor: &Tensor) {
    let _guard = tch::no_grad_guard();
    // SAFETY: n pointers, valid while their tensors live.
    throw_message(unsafe { mindgap_scale_all(pointers(tensors).as_ptr(), tensors.len() as i64, pointer(factor)) });
}

/// The 2-norm of each tensor, `[n]`. Two operator calls.
/// Panics if the list is empty.
pub fn norms(tensors: &[&Tensor]) -> Tensor {
    norms_of_order(tensors, false)
}

/// The largest absolute value in each tensor, `[n]`: infinite or NaN if one of its numbers is. Two operator calls.
/// Panics if the list is empty.
pub fn largest(tensors: &[&Tensor]) -> Tensor {
    norms_of_order(tensors, true)
}

fn norms_of_order(tensors: &[&Tensor], largest: bool) -> Tensor {
    let _guard = tch::no_grad_guard();
    let list = pointers(tensors);
    // SAFETY: n pointers, valid while their tensors live; `out` is owned by the new Tensor.
    let result = new_tensor(|out| unsafe { mindgap_norms(list.as_ptr(), tensors.len() as i64, largest, out) });
    result.unwrap_or_else(|error| throw(error))
}

/// Multiplies every tensor by `factor`, a float32 scalar on the device, in place, and sets `found_inf`, a float32 `[1]`
/// on the device, to 1 if a number is not finite. One operator call.
/// Panics if `factor` or `found_inf` has another kind or device.
pub fn unscale_all(tensors: &[&Tensor], factor: &Tensor, found_inf: &Tensor) {
    let _guard = tch::no_grad_guard();
    let (factor, found_inf) = (pointer(factor), pointer(found_inf));
    // SAFETY: n pointers, valid while their tensors live.
    throw_message(unsafe { mindgap_unscale_all(pointers(tensors).as_ptr(), tensors.len() as i64, factor, found_inf) });
}

/// `tensor` with the strides of `like`, a tensor of the same shape. It is copied only if its numbers are in another
/// order.
pub fn laid_out_as(tensor: Tensor, like: &Tensor) -> Tensor {
    let (sizes, strides, wanted) = (tensor.size(), tensor.stride(), like.stride());
    if strides == wanted {
        return tensor;
    }
    // The stride of a dimension of length 1 is arbitrary.
    let is_same_order = (0..sizes.len()).all(|side| sizes[side] == 1 || strides[side] == wanted[side]);
    if is_same_order {
        return tensor.as_strided(sizes, wanted, None);
    }
    let mut copy = like.detach().empty_like();
    copy.copy_(&tensor);
    copy
}

/// Makes `call` with the pointers of two lists, which must have the same length, and that length.
fn in_pairs(one: &[&Tensor], other: &[&Tensor], call: impl FnOnce(Pointers, Pointers, i64) -> *mut c_char) {
    let n = same_length([one, other]);
    let _guard = tch::no_grad_guard();
    throw_message(call(pointers(one).as_ptr(), pointers(other).as_ptr(), n));
}

fn pointers(tensors: &[&Tensor]) -> Vec<*mut C_tensor> {
    tensors.iter().map(|tensor| pointer(tensor)).collect()
}

fn same_length<const N: usize>(lists: [&[&Tensor]; N]) -> i64 {
    let n = lists[0].len();
    assert!(lists.iter().all(|list| list.len() == n), "lists of tensors differ in length");
    n as i64
}

/// Throws `message`, the text of a C++ exception, unless it is null.
fn throw_message(message: *mut c_char) {
    check(message).unwrap_or_else(|error| throw(error));
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::torch::{catch, channels_last, tests::noise};

    #[test]
    fn gradients_get_the_strides_of_their_parameters_and_keep_their_values() {
        let parameter = channels_last(&noise(&[6, 4, 3, 3], 0)).unwrap();
        let gradient = noise(&[6, 4, 3, 3], 1);
        let laid_out = laid_out_as(gradient.shallow_clone(), &parameter);
        assert_eq!(laid_out.stride(), parameter.stride());
        assert_eq!(laid_out, gradient);
        // With one channel both orders are the same: nothing is copied.
        let (parameter, gradient) = (channels_last(&noise(&[6, 1, 3, 3], 0)).unwrap(), noise(&[6, 1, 3, 3], 1));
        assert_ne!(gradient.stride(), parameter.stride());
        let laid_out = laid_out_as(gradient.shallow_clone(), &parameter);
        assert_eq!((laid_out.stride(), laid_out.data_ptr()), (parameter.stride(), gradient.data_ptr()));
        assert_eq!(laid_out, gradient);
    }

    #[test]
    fn a_gradient_in_another_order_is_refused() {
        let (parameter, gradient) = (channels_last(&noise(&[6, 4, 3, 3], 0)).unwrap(), noise(&[6, 4, 3, 3], 1));
        let update = SgdUpdate { rate: 0.1, momentum: 0.0, nesterov: false, decay: 0.0 };
        let velocity = parameter.zeros_like();
        let refused = catch(|| {
            sgd(&[&parameter], &[&gradient], &[&velocity], update, None);
            Ok(())
        });
        let refused = refused.unwrap_err();
        assert!(refused.to_string().contains("another shape or layout"), "{refused}");
    }

    #[test]
    fn one_sgd_update_of_many_tensors_is_that_of_separate_operators() {
        let shapes: [&[i64]; 4] = [&[7], &[16, 16, 3, 3], &[1], &[129, 33]];
        let tensors = |number| -> Vec<Tensor> { shapes.map(|shape| noise(shape, number)).into() };
        let (ours, theirs) = (tensors(0), tensors(0));
        let (velocities, their_velocities) = (copies(&refs(&tensors(1))), tensors(1));
        for (step, nesterov) in [(2, false), (3, true), (4, true)] {
            let gradients = tensors(step);
            let update = SgdUpdate { rate: 0.03, momentum: 0.9, nesterov, decay: 5e-3 };
            sgd(&refs(&ours), &refs(&gradients), &refs(&velocities), update, None);
            for ((parameter, velocity), gradient) in theirs.iter().zip(&their_velocities).zip(&gradients) {
                let gradient = gradient + parameter * 5e-3;
                let (mut parameter, mut velocity) = (parameter.shallow_clone(), velocity.shallow_clone());
                let _ = velocity.g_mul_scalar_(0.9).g_add_(&gradient);
                let direction = if nesterov { gradient + &velocity * 0.9 } else { velocity };
                let _ = parameter.g_sub_(&(direction * 0.03));
            }
        }
        for (one, other) in ours.iter().chain(&velocities).zip(theirs.iter().chain(&their_velocities)) {
            // Numbers are around 1: one bit of rounding in each of three updates.
            assert!(one.allclose(other, 0.0, 1e-6, false), "{one} {other}");
        }
    }

    #[test]
    fn norms_are_those_of_each_tensor_and_the_largest_number_shows_what_is_not_finite() {
        let tensors =
            [Tensor::from_slice(&[3f32, -4.0]), Tensor::from_slice(&[-0.5f32]), Tensor::from_slice(&[0f32; 3])];
        assert_eq!(norms(&tensors.each_ref()), Tensor::from_slice(&[5f32, 0.5, 0.0]));
        assert_eq!(largest(&tensors.each_ref()), Tensor::from_slice(&[4f32, 0.5, 0.0]));
        for wrong in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let tensors = [Tensor::from_slice(&[1f32, 2.0]), Tensor::from_slice(&[1f32, wrong, 0.0])];
            let sum = (largest(&tensors.each_ref()) * 0.0).sum(Kind::Float).double_value(&[]);
            assert!(sum.is_nan(), "{wrong}");
        }
        // A number is finite even where its square overflows float32.
        let large = [Tensor::full([3], 1e30, (Kind::Float, Device::Cpu))];
        assert!(largest(&large.each_ref()).double_value(&[0]).is_finite());
    }

    fn refs(tensors: &[Tensor]) -> Vec<&Tensor> {
        tensors.iter().collect()
    }
}
