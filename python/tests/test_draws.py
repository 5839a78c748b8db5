"""The probe and the halves are drawn as mindgap draws them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from mindgap._draws import Purpose, Stream, philox4x32_10
from mindgap._splits import LabelledHashes, TrainDuplicates, halves, in_train, probe, train_duplicates


def test_philox_gives_the_known_answers_of_its_authors() -> None:
    def words(counter: list[int], key: tuple[int, int]) -> list[int]:
        arrays = [np.array([word], np.uint64) for word in counter]
        return [int(word[0]) for word in philox4x32_10(arrays, key)]

    ones = 0xFFFF_FFFF
    assert words([0] * 4, (0, 0)) == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
    assert words([ones] * 4, (ones, ones)) == [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
    pi = [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344]
    assert words(pi, (0xA409_3822, 0x299F_31D0)) == [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]


def test_a_stream_continues_across_its_blocks() -> None:
    stream = Stream(3, Purpose.PROBE, 0, 5)
    words = [stream.next_u32() for _ in range(4 * 4096 + 8)]
    block = np.array([4096], np.uint64)
    rest = [np.array([word], np.uint64) for word in (int(Purpose.PROBE), 0, 5)]
    assert words[4 * 4096 : 4 * 4096 + 4] == [int(word[0]) for word in philox4x32_10([block, *rest], (3, 0))]


def test_the_probe_has_vals_class_mix_and_none_of_its_pixels() -> None:
    # Train: 40 images of class 0 and 20 of class 1, every fourth with pixels that appear in val.
    labels = [int(i % 3 == 2) for i in range(60)]
    hashes = [str(1000 + i if i % 4 == 0 else i).encode() for i in range(60)]
    train = LabelledHashes(labels, hashes)
    val = LabelledHashes([0] * 5 + [1] * 7, [str(1000 + 4 * i).encode() for i in range(12)])
    drawn = probe(train, val, 2, 0)
    assert Counter(labels[place] for place in drawn) == {0: 5, 1: 7}
    assert not {hashes[place] for place in drawn} & set(val.hashes)
    assert drawn == sorted(drawn) == probe(train, val, 2, 0) != probe(train, val, 2, 1)


def test_a_class_with_too_few_images_contributes_all_of_them() -> None:
    train = LabelledHashes([0, 0, 0, 1, 1], [b"1", b"2", b"3", b"4", b"5"])
    drawn = probe(train, LabelledHashes([0, 1, 1, 1], [b"6", b"7", b"8", b"4"]), 2, 0)
    assert len(drawn) == 2 and drawn[1] == 4


def test_leaks_and_duplicates_are_counted_whatever_their_labels() -> None:
    train = LabelledHashes([0, 1, 1, 2, 0, 1], [b"7", b"8", b"7", b"7", b"9", b"8"])
    assert in_train(train, LabelledHashes([1, 0, 1], [b"7", b"9", b"0"])) == [True, True, False]
    assert train_duplicates(train) == TrainDuplicates(surplus=3, conflicting=1)


def test_every_class_is_halved_evenly() -> None:
    labels = [int(i % 13 < 3) for i in range(131)]
    first = halves(labels, 2, 0)
    for label in (0, 1):
        mine = [half for half, own in zip(first, labels, strict=True) if own == label]
        assert abs(2 * sum(mine) - len(mine)) <= 1
    assert first != halves(labels, 2, 1)
