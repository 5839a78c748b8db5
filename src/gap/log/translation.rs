//! The field's words in Chinese, Japanese and Korean, which write names without blanks: `训练损失`, `検証損失`, `第 3 轮`.

use std::borrow::Cow;

/// What is written for an English word. Where one term begins with another, the longer one stands first.
const TERMS: [(&str, &[&str]); 15] = [
    ("learning rate", &["学习率", "學習率", "学習率", "학습률"]),
    ("best", &["最佳", "最优", "最優", "最好", "最高", "最低", "最小", "最良", "최고", "최적"]),
    ("early stopping", &["早停"]),
    ("saved", &["保存"]),
    ("loaded", &["加载", "載入"]),
    ("average", &["平均"]),
    ("current", &["当前", "當前"]),
    ("total", &["总", "總"]),
    ("epochs", &["轮数", "輪數"]),
    ("epoch", &["轮次", "輪次", "周期", "週期", "エポック", "에포크", "에폭"]),
    ("train", &["训练集", "訓練集", "训练", "訓練", "学習", "훈련", "학습"]),
    ("val", &["验证集", "驗證集", "验证", "驗證", "検証", "검증"]),
    ("test", &["测试集", "測試集", "测试", "測試", "テスト", "테스트"]),
    ("loss", &["损失值", "損失值", "损失", "損失", "ロス", "손실"]),
    ("accuracy", &["准确率", "準確率", "准确度", "準確度", "正确率", "正確率", "正解率", "精度", "정확도"]),
];
/// Counters of epochs and folds behind their number: `第 3/50 轮`.
const COUNTERS: [(&str, &str); 5] =
    [("轮", "epoch"), ("輪", "epoch"), ("エポック", "epoch"), ("世代", "epoch"), ("折", "fold")];

/// The text with English words for the terms that it knows, between blanks.
pub fn english(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_of_them) {
        return text.into();
    }
    let mut english = with_numbers_behind(text);
    for (word, terms) in TERMS {
        for term in terms.iter().filter(|term| text.contains(**term)) {
            english = english.replace(term, &format!(" {word} "));
        }
    }
    english.into()
}

/// Whether a character is of these scripts.
fn is_of_them(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// The text with `epoch 3/50` for `第 3/50 轮`.
fn with_numbers_behind(text: &str) -> String {
    let mut parts = text.split('第');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number = part.trim_start();
        let end = number.find(|c: char| !(c.is_ascii_digit() || c == '/' || c == ' ')).unwrap_or(number.len());
        let counted = COUNTERS.iter().find_map(|(counter, word)| Some((word, number[end..].strip_prefix(counter)?)));
        match counted.filter(|_| end > 0) {
            Some((word, rest)) => plain += &format!(" {word} {} {rest}", number[..end].trim_end()),
            None => plain += &format!("第{part}"),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::english;

    #[test]
    fn names_become_english() {
        for (text, expected) in [
            ("训练损失: 0.5, 验证损失: 0.6", "train loss : 0.5, val loss : 0.6"),
            ("第 3/50 轮 训练集准确率 91%", "epoch 3/50 train accuracy 91%"),
            ("第3輪,驗證損失=0.7", "epoch 3 , val loss =0.7"),
            ("第2折 第10批", "fold 2 第10批"),
            ("エポック 3/10 訓練損失 0.5 検証正解率 0.8", "epoch 3/10 train loss 0.5 val accuracy 0.8"),
            ("에포크 3: 훈련 손실 0.5, 검증 정확도 0.8", "epoch 3: train loss 0.5, val accuracy 0.8"),
            ("学习率 0.1 (最佳)", "learning rate 0.1 ( best )"),
            ("100%|██████| loss: 0.5 é", "100%|██████| loss: 0.5 é"),
        ] {
            assert_eq!(english(text).split_whitespace().collect::<Vec<_>>().join(" "), expected);
        }
    }
}
