//! Keys and passwords, encrypted or not, are in no plan, report, provenance or `Debug`.

use crate::support::{made, routers};
use tandem_router_migration::{
    intake::read,
    report::{csv, html, of_plan, provenance_csv},
};

const KEY: &str = "q0m3Zr9Yc1u7H2b8Kx5Wf4Tn6Vd0Sg2Jp8La7Re3MoA=";

#[test]
fn secrets_stay_out_of_everything_that_people_see() {
    for case in ["sample", "real_key", "attributes", "bad_values"] {
        let given = routers(case);
        let agent = std::fs::read_to_string(
            crate::support::fixtures().join("plans").join(case).join("1/Microsoft.Crm.Tools.EmailAgent.xml"),
        )
        .unwrap();
        let between = |text: &str| text.split_once('<').unwrap().0.to_owned();
        let sealed: Vec<String> =
            agent.split("Password>").skip(1).step_by(2).map(between).filter(|text| text.len() > 8).collect();
        let given_debug = format!("{given:?}");
        let data_debug = format!("{:?}", read(given).unwrap());
        let made = made(case);
        let report = of_plan(&made.plan);
        let shown = [
            given_debug,
            data_debug,
            made.plan.to_json().unwrap(),
            format!("{made:?}"),
            html(&report),
            csv(&report),
            provenance_csv(made.provenance.entries()),
        ];
        for secret in
            sealed.iter().map(String::as_str).chain([KEY, "exchange pass", "support pass", "amy pass"])
        {
            for text in &shown {
                assert!(!text.contains(secret), "{case}: {secret} is shown");
            }
        }
        assert!(case == "bad_values" || !sealed.is_empty(), "{case} has no password to look for");
    }
}
