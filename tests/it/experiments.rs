//! Experiments, compared with scipy and statsmodels on the same rows; the same result in any order of the rows.

use portraitdb::EngineOptions;

use crate::support::{portrait, rows, run, session_with, shared_data};

fn near(found: &str, expected: f64) {
    let found: f64 = found.parse().unwrap();
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} is not {expected}");
}

#[test]
fn hillstrom_is_what_scipy_says() {
    let Some(file) = shared_data("hillstrom/hillstrom.csv") else { return };
    let mut answers = vec![];
    for partitions in [1, 2, 7] {
        let (engine, session) = session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() });
        rows(&engine, &session, &format!("CREATE TABLE hillstrom AS SELECT * FROM '{}'", file.display()));
        let of = |metrics: &str, more: &str, columns: &str| {
            let call = format!("hillstrom, group => segment, control => 'No E-Mail', metric => {metrics}{more}");
            rows(&engine, &session, &format!("SELECT {columns} FROM experiment_result({call})"))
        };
        let fields = |line: &String| line.split('|').map(ToString::to_string).collect::<Vec<String>>();
        let found = of(
            "[visit, conversion, spend]",
            ", adjust => 'none'",
            "round(mean, 6), round(control_mean, 6), statistic, p_value, p_adjusted, srm_p_value, verdict",
        );
        let expected: [(&str, &str, f64, f64); 6] = [
            ("0.182757", "0.106167", 22.48604082719282, 5.685165482802317e-112),
            ("0.1514", "0.106167", 13.949180655258505, 3.1824031593349214e-44),
            ("0.012531", "0.005726", 7.385114410925771, 1.5232235005955427e-13),
            ("0.008837", "0.005726", 3.77956095835785, 0.00015710512910668448),
            ("1.422617", "0.652789", 5.300140358411669, 1.163814968225482e-07),
            ("1.077202", "0.652789", 3.256371576025392, 0.0011293971023632495),
        ];
        for (line, (mean, control, statistic, p_value)) in found.iter().zip(expected) {
            let line = fields(line);
            assert_eq!((line[0].as_str(), line[1].as_str(), line[6].as_str()), (mean, control, "better"));
            near(&line[2], statistic);
            near(&line[3], p_value);
            near(&line[4], p_value);
            near(&line[5], 0.9036929575604196);
        }
        assert_eq!(found.len(), 6);
        let spend = fields(&of("spend", "", "degrees_of_freedom, lower, upper")[0]);
        near(&spend[0], 36671.15797736051);
        near(&spend[1], 0.4851397325684076);
        near(&spend[2], 1.0545145792206658);
        let ranks = of("spend", ", test => 'mann_whitney', adjust => 'none'", "statistic, p_value");
        for (line, (statistic, p_value)) in
            ranks.iter().zip([(228527081.0, 1.5819988266809648e-13), (228545030.0, 0.00015545166680000966)])
        {
            near(&fields(line)[0], statistic);
            near(&fields(line)[1], p_value);
        }
        let adjusted = of("spend", ", pre => history", "theta, difference, statistic, p_value");
        let expected = [
            [0.0012228965198244435, 0.7674384994278021, 5.284841624064931, 1.265314467251961e-07],
            [0.0010346512935862054, 0.42270092315649777, 3.2438546562089323, 0.0011802047342596507],
        ];
        for (line, expected) in adjusted.iter().zip(expected) {
            fields(line).iter().zip(expected).for_each(|(found, expected)| near(found, expected));
        }
        let tags = rows(
            &engine,
            &session,
            "SELECT tag, value, segment, difference, heterogeneity, heterogeneity_p_adjusted, verdict FROM tag_uplift(hillstrom, group => segment, control => 'No E-Mail',
               metric => visit, tags => [mens, womens, newbie, channel])",
        );
        let curve = rows(
            &engine,
            &session,
            "SELECT * FROM uplift_curve(hillstrom, group => segment, control => 'No E-Mail', treatment => 'Womens E-Mail', outcome => visit, score => history)",
        );
        answers.push([found, adjusted, tags, curve, of("spend", ", winsorize => 0.999, tau => 0.5, per => channel", "*")]);
    }
    // To the last digit.
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

/// Rows left out are counted and reported.
#[test]
fn rows_that_cannot_be_used_are_told() {
    let sql = "SELECT metric FROM experiment_result((SELECT * FROM (VALUES ('a', 1, 1), ('a', 2, NULL), ('b', 3, 2), ('b', NULL, 3), ('b', 4, 4), ('c', 9, 9), (NULL, 5, 5)) AS t(g, v, p)),
        group => g, control => 'a', groups => ['a', 'b'], metric => v, pre => p)";
    let (code, _, errors) = run(portrait().args(["-c", sql]));
    assert_eq!(code, 0, "{errors}");
    for told in [
        "1 row without group was left out",
        "1 row of another group was left out",
        "1 row without v was left out",
        "1 row without p counts as if it were 0",
    ] {
        assert!(errors.contains(told), "{told}: {errors}");
    }
    let sql = "SELECT period FROM difference_in_differences((SELECT * FROM (VALUES (1, true, 1, DATE '2025-01-01', 1), (2, false, 2, DATE '2025-01-01', 1), (NULL, true, 1, NULL, 1)) AS t(c, t, m, d, v)),
        customer => c, treated => t, event_time => d, value => v, start => DATE '2025-01-01', match => [m])";
    let (code, _, errors) = run(portrait().args(["-c", sql]));
    assert_eq!(code, 0, "{errors}");
    for told in ["1 row without customer was left out", "1 treated customer without control was left out"] {
        assert!(errors.contains(told), "{told}: {errors}");
    }
}
