#[test]
fn throwaway() {
    let root = "/tmp/w/labels/";
    let set = std::env::var("SET").unwrap_or("weak".into());
    let runs = |s: usize| (0..5).map(|f| format!("{root}{set}/s{s}f{f}").into()).collect::<Vec<std::path::PathBuf>>();
    for seeds in [vec![0], vec![1], vec![2], vec![3], vec![4], vec![0, 1, 2, 3, 4]] {
        let start = std::time::Instant::now();
        let Ok(out) = super::OutOfFold::read(&seeds.iter().map(|&s| runs(s)).collect::<Vec<_>>()) else { continue };
        let suspects = super::SuspectLabels::of(&out, &[]);
        println!(
            "{seeds:?} {:?} {} {} acc {:.2} f1 {:.3}",
            start.elapsed(),
            suspects.suspect_labels.len(),
            suspects.expected_wrong,
            suspects.out_of_fold_accuracy,
            suspects.expected_f1
        );
        let name = format!("{root}{set}/suspects-{}.json", seeds.iter().map(usize::to_string).collect::<String>());
        std::fs::write(name, serde_json::to_string(&suspects).unwrap()).unwrap();
        //        if seeds == [0] {
        ////            let thumbs = crate::data::Thumbnails::of("/tmp/w/labels/page", &Default::default()).unwrap();
        ////            std::fs::write(format!("{root}labels.html"), crate::report::labels_page(&suspects, "noisy-labels", &thumbs).unwrap()).unwrap();
        //        }
    }
}
