//! Models with a target, compared with statsmodels and scikit-learn on the same rows.

use portraitdb::{Engine, EngineOptions, Session};

use crate::support::{rows, session_with, shared_data, try_rows};

const PARTITIONS: [usize; 3] = [1, 2, 7];

fn with_partitions(partitions: usize) -> (Engine, Session) {
    session_with(EngineOptions { partitions: Some(partitions), ..EngineOptions::default() })
}

/// The customers of the telco sample who have paid at least once, with typed columns.
fn telco(engine: &Engine, session: &Session) -> bool {
    let Some(file) = shared_data("telco/WA_Fn-UseC_-Telco-Customer-Churn.csv") else { return false };
    let number = |name: &str| format!("TRY_CAST(trim(CAST(\"{name}\" AS VARCHAR)) AS DOUBLE) AS \"{name}\"");
    let text = |name: &str| format!("trim(\"{name}\") AS \"{name}\"");
    let numbers = ["SeniorCitizen", "tenure", "MonthlyCharges", "TotalCharges"].map(number).join(", ");
    let texts = [
        "customerID",
        "gender",
        "Partner",
        "Dependents",
        "PhoneService",
        "MultipleLines",
        "InternetService",
        "OnlineSecurity",
        "OnlineBackup",
        "DeviceProtection",
        "TechSupport",
        "StreamingTV",
        "StreamingMovies",
        "Contract",
        "PaperlessBilling",
        "PaymentMethod",
        "Churn",
    ];
    let texts = texts.map(text).join(", ");
    rows(engine, session, &format!("CREATE TABLE telco AS SELECT {texts}, {numbers} FROM '{}'", file.display()));
    true
}

/// The weights of a model by name: value, standard error, z and p.
fn weights(engine: &Engine, session: &Session, model: &str) -> Vec<(String, [f64; 4])> {
    let found = rows(engine, session, &format!("SELECT name, value, std_err, z, p_value FROM ml_weights({model})"));
    let read = |line: &String| {
        let mut parts = line.split('|');
        let name = parts.next().unwrap().to_string();
        (name, std::array::from_fn(|_| parts.next().unwrap().parse().unwrap()))
    };
    found.iter().map(read).collect()
}

fn same(found: &[(String, [f64; 4])], expected: &[(&str, &[f64])]) {
    for (name, values) in expected {
        let own = &found.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("{name} is not among {found:?}")).1;
        for (found, expected) in own.iter().zip(*values) {
            assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1e-9), "{name}: {found} is not {expected}");
        }
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn coefficients_are_those_of_statsmodels() {
    let (engine, session) = with_partitions(2);
    if !telco(&engine, &session) {
        return;
    }
    rows(
        &engine,
        &session,
        "CREATE MODEL churn WITH (type = 'logistic_regression', key = 'customerID', target = 'Churn', split = 'none', permutations = 0,
         features = 'gender, Contract, PaymentMethod, PaperlessBilling, Partner, Dependents, PhoneService, tenure, MonthlyCharges, TotalCharges, SeniorCitizen')
         AS SELECT * FROM telco WHERE \"TotalCharges\" IS NOT NULL",
    );
    // statsmodels 0.15, smf.glm(…, family=Binomial()).fit(tol=1e-14) of 7,032 rows.
    let expected: [(&str, &[f64]); 15] = [
        ("intercept", &[-0.815560803562802, 0.18035749603502482, -4.521912432208655, 6.128341324419006e-06]),
        ("gender = Male", &[-0.009407326678063748, 0.0639024027997217, -0.1472139742154534, 0.8829631309425547]),
        ("Contract = One year", &[-0.8618815884862723, 0.10408176432359675, -8.280812629257785, 1.2233754975660496e-16]),
        ("Contract = Two year", &[-1.7211594477820942, 0.17272431865095014, -9.964777752345913, 2.1735945642200947e-23]),
        (
            "PaymentMethod = Credit card (automatic)",
            &[-0.09911836556175713, 0.1126704053735298, -0.8797196143313377, 0.3790112210436357],
        ),
        (
            "PaymentMethod = Electronic check",
            &[0.3904775395575145, 0.09296843823020855, 4.2001086281627495, 2.6678695198316843e-05],
        ),
        ("PaymentMethod = Mailed check", &[-0.10573004823165931, 0.11286398040216188, -0.936791772316707, 0.348865678358798]),
        ("PaperlessBilling = Yes", &[0.4016380168167278, 0.07307572479828564, 5.496189301240434, 3.8808591122125256e-08]),
        ("Partner = Yes", &[0.007501125718214333, 0.07665206957473568, 0.09785940235965507, 0.9220439374237255]),
        ("Dependents = Yes", &[-0.1919843611335903, 0.08846165987039008, -2.170255016861281, 0.029987532306699892]),
        ("PhoneService = Yes", &[-0.8108996449424126, 0.12206515884198492, -6.643170357826132, 3.070066435179693e-11]),
        ("tenure", &[-0.06035082103204603, 0.006129486223112005, -9.845983633095642, 7.133795403698115e-23]),
        ("MonthlyCharges", &[0.021723467277237358, 0.002056397120337946, 10.563848325982555, 4.3831564576819344e-26]),
        ("TotalCharges", &[0.0002777198697145769, 6.808673849276486e-05, 4.078912808315652, 4.5246801553741865e-05]),
        ("SeniorCitizen", &[0.3141492471164186, 0.08287207822229234, 3.7907731271533796, 0.0001501790861235934]),
    ];
    same(&weights(&engine, &session, "churn"), &expected);
    let measure = |name: &str| {
        let found = rows(
            &engine,
            &session,
            &format!("SELECT value FROM ml_training_info(churn) WHERE step = 'metric' AND measure = '{name}'"),
        );
        found[0].parse::<f64>().unwrap()
    };
    assert!((measure("log_likelihood") + 2974.3271329649224).abs() < 1e-6);
    assert!((measure("aic") - 5978.654265929845).abs() < 1e-6);
}

#[test]
fn numbers_and_counts_are_those_of_statsmodels() {
    let (engine, session) = with_partitions(2);
    let Some(file) = shared_data("hillstrom/hillstrom.csv") else { return };
    rows(&engine, &session, &format!("CREATE TABLE hillstrom AS SELECT row_number() OVER () AS id, * FROM '{}'", file.display()));
    let train = |model: &str, model_type: &str, target: &str| {
        let features = "recency, history, mens, womens, newbie, zip_code, channel, segment";
        rows(
            &engine,
            &session,
            &format!(
                "CREATE MODEL {model} WITH (type = '{model_type}', key = 'id', target = '{target}', split = 'none', permutations = 0, features = '{features}')
                 AS SELECT * FROM hillstrom"
            ),
        );
    };
    train("spending", "linear_regression", "spend");
    // statsmodels 0.15, smf.ols.
    let expected: [(&str, &[f64]); 12] = [
        ("intercept", &[1.13911531275722, 0.3716328593150481, 3.065163061352296, 0.0021764191858132304]),
        ("zip_code = Surburban", &[-0.18568357701393629, 0.17738872529970293, -1.0467608733318252, 0.2952138341865884]),
        ("zip_code = Urban", &[-0.1288169781104867, 0.18004904308449624, -0.7154549444066385, 0.47433058240230314]),
        ("channel = Phone", &[-0.04408517742108377, 0.20924785353258005, -0.21068401265210432, 0.8331345215195205]),
        ("channel = Web", &[0.13472472760758397, 0.20892787612772842, 0.6448384490599032, 0.5190341943016752]),
        ("segment = No E-Mail", &[-0.7664295619123728, 0.14560182707730437, -5.263873244567545, 1.4150552789868316e-07]),
        ("segment = Womens E-Mail", &[-0.340659603007551, 0.1454640327723277, -2.3418820206967084, 0.01918982897538109]),
        ("recency", &[-0.05007563879825636, 0.017476298627152314, -2.8653457958457857, 0.004166897517284329]),
        ("history", &[0.0010506240650177464, 0.0002808501156478845, 3.7408710428838314, 0.00018354356367349472]),
        ("mens", &[0.6030959681136602, 0.2222555755492334, 2.713524583683905, 0.00665894446583333]),
        ("womens", &[0.4948534911970445, 0.22222487176939806, 2.226814160165439, 0.025963162849993716]),
        ("newbie", &[-0.3867633156702099, 0.12193362833802555, -3.1719167299608357, 0.0015150790928055206]),
    ];
    same(&weights(&engine, &session, "spending"), &expected);
    train("visits", "poisson_regression", "visit");
    // statsmodels 0.15, smf.glm(…, family=Poisson()).
    let expected: [(&str, &[f64]); 12] = [
        ("intercept", &[-1.7108315512557484, 0.05691491264264078]),
        ("zip_code = Surburban", &[-0.2878402254621601, 0.028359852497510486]),
        ("zip_code = Urban", &[-0.3011047396023009, 0.028918344105470145]),
        ("channel = Phone", &[-0.08732850757612898, 0.034261785977407117]),
        ("channel = Web", &[0.13238599893638817, 0.03338155468200342]),
        ("segment = No E-Mail", &[-0.5390528126873342, 0.026437922171640718]),
        ("segment = Womens E-Mail", &[-0.18202678962683014, 0.023785039864343948]),
        ("recency", &[-0.04440270265045884, 0.0031079580204384956]),
        ("history", &[0.00039200232616969544, 4.356396358192257e-05]),
        ("mens", &[0.444086325262586, 0.03188506081482663]),
        ("womens", &[0.5746563382073197, 0.032406114562378394]),
        ("newbie", &[-0.4669877054094868, 0.022189701368768973]),
    ];
    same(&weights(&engine, &session, "visits"), &expected);
}

/// For every kind of model, the area under the curve over five folds is the published one, and the stored model is the same for all
/// partitions and orders of the rows.
#[test]
#[ignore = "long: cargo test -- --include-ignored"]
fn churn_is_predicted_as_well_as_published() {
    let mut stored: Vec<Vec<String>> = vec![];
    for partitions in PARTITIONS {
        let (engine, session) = with_partitions(partitions);
        if !telco(&engine, &session) {
            return;
        }
        let order = if partitions == 7 { "ORDER BY reverse(\"customerID\")" } else { "" };
        let mut texts = vec![];
        for (model_type, options, least) in [
            ("logistic_regression", "missing = 'keep'", 0.843),
            ("gradient_boosting", "iterations = 60, learning_rate = 0.05, max_leaves = 7", 0.843),
        ] {
            rows(
                &engine,
                &session,
                &format!(
                    "CREATE OR REPLACE MODEL churn WITH (type = '{model_type}', key = 'customerID', target = 'Churn', folds = 5, permutations = 1, {options})
                     AS SELECT * FROM telco {order}"
                ),
            );
            let auc = rows(
                &engine,
                &session,
                "SELECT value FROM ml_training_info(churn) WHERE step = 'folds' AND measure = 'auc' AND detail = 'mean'",
            );
            let auc: f64 = auc[0].parse().unwrap();
            assert!((least..0.852).contains(&auc), "{model_type}: {auc}");
            texts.extend(rows(&engine, &session, "SELECT model FROM system.models"));
        }
        stored.push(texts);
    }
    assert!(stored.windows(2).all(|pair| pair[0] == pair[1]), "the models differ between partitions");
}

/// A training set contains nothing from the future: it is the same before and after later refreshes and later rows.
#[test]
fn no_later_row_changes_a_training_set() {
    let (engine, session) = with_partitions(2);
    let run = |sql: &str| rows(&engine, &session, sql);
    run(
        "CREATE TABLE orders AS SELECT * FROM (VALUES (1, DATE '2025-01-05'), (1, DATE '2025-02-10'), (2, DATE '2025-01-20')) AS t(customer, ordered_at)",
    );
    run("CREATE PROFILE buyer WITH (key = 'customer') AS SELECT DISTINCT customer FROM orders");
    run(
        "CREATE TAG orders_so_far ON buyer AS SELECT customer, count(*) FROM orders WHERE ordered_at <= $as_of GROUP BY customer",
    );
    run(
        "CREATE TAG is_regular ON buyer AS SELECT customer, count(*) > 1 FROM orders WHERE ordered_at <= $as_of GROUP BY customer",
    );
    for day in ["2025-01-31", "2025-02-28"] {
        run(&format!("REFRESH PROFILE buyer WITH (as_of = DATE '{day}')"));
    }
    let wanted = "SELECT customer, at, label, orders_so_far, is_regular, arrow_typeof(orders_so_far), arrow_typeof(is_regular)
        FROM training_set(buyer, (SELECT c AS customer, at, label FROM (VALUES (1, TIMESTAMP '2025-02-28 00:00:00', true), (1, TIMESTAMP '2025-03-15 00:00:00', false),
             (2, TIMESTAMP '2025-02-10 00:00:00', true), (3, TIMESTAMP '2025-02-10 00:00:00', true), (1, TIMESTAMP '2025-01-30 23:00:00', true)) AS t(c, at, label)),
             as_of => at - INTERVAL '5 days') ORDER BY customer, at";
    let before = run(wanted);
    assert_eq!(
        before,
        [
            "1|2025-01-30T23:00:00|true|NULL|NULL|Int64|Boolean",
            "1|2025-02-28T00:00:00|true|1|false|Int64|Boolean",
            "1|2025-03-15T00:00:00|false|2|true|Int64|Boolean",
            "2|2025-02-10T00:00:00|true|1|false|Int64|Boolean",
            "3|2025-02-10T00:00:00|true|NULL|NULL|Int64|Boolean",
        ]
    );
    // Later rows, and earlier rows that only became known later.
    run(
        "INSERT INTO orders VALUES (1, DATE '2025-01-06'), (2, DATE '2025-01-21'), (2, DATE '2025-03-20'), (3, DATE '2025-03-21')",
    );
    run("REFRESH PROFILE buyer WITH (as_of = DATE '2025-04-30')");
    run(
        "CREATE OR REPLACE TAG is_regular ON buyer AS SELECT customer, count(*) > 0 FROM orders WHERE ordered_at <= $as_of GROUP BY customer",
    );
    run("REFRESH PROFILE buyer WITH (as_of = DATE '2025-05-31')");
    assert_eq!(run(wanted), before);
    let error = try_rows(
        &engine,
        &session,
        "SELECT * FROM training_set(buyer, (SELECT customer, ordered_at, true AS l FROM orders), features => [ordrs_so_far])",
    );
    assert!(error.unwrap_err().contains("perhaps \"orders_so_far\" is meant"));
}
