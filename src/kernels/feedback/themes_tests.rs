use super::*;
use crate::kernels::chinese::sentiment::shipped;
use crate::kernels::feedback::found::singulars;
use crate::kernels::feedback::texts::{FILLERS, clauses, words_of};
use crate::kernels::random::Random;

const ASKED: Asked = Asked { most: 10, min_texts: 5, resolution: 1.0, examples: 2 };

fn read(texts: &[(&str, &str, String)], own: &ThemeWords, asked: Asked) -> Vec<Row> {
    let mut all = Texts::default();
    // Read in parts, as by partitions.
    for part in texts.chunks(97) {
        let mut of_part = Texts::default();
        for (customer, period, text) in part {
            of_part.add(customer.as_bytes(), period.as_bytes(), text, own, shipped());
        }
        all.merge(of_part);
    }
    themes(&mut all, own, asked, &|| Ok(())).unwrap()
}

fn words(text: &str, own: &ThemeWords) -> Vec<String> {
    let mut words = vec![];
    words_of(text, own, |word| words.push(word.to_string()));
    words.retain(|word| word.chars().any(char::is_alphanumeric));
    words
}

#[test]
fn fillers_are_in_order() {
    assert!(FILLERS.is_sorted());
}

#[test]
fn words_end_where_letters_do() {
    let own = ThemeWords::of([("delivery", "Customer service"), ("送货", "快递")]);
    assert_eq!(words("the café wasn't l’été customer service", &own), ["the", "café", "wasn't", "l’été", "customer service"]);
    assert_eq!(words("快递小哥很好nice的", &own), ["快递", "小哥", "很", "好", "nice", "的"]);
}

#[test]
fn clauses_are_parted() {
    assert_eq!(clauses("口红颜色好看，但是快递太慢。"), ["口红颜色好看", "但是快递太慢"]);
    assert_eq!(clauses("颜色好看但快递慢"), ["颜色好看", "但快递慢"]);
    assert_eq!(clauses("不但快而且好"), ["不但快而且好"]);
    assert_eq!(clauses("Cost 3.50, ok but slow. Bad"), ["Cost 3.50", " ok ", "but slow", " Bad"]);
    assert_eq!(clauses("。！"), Vec::<&str>::new());
}

/// Five planted themes, and words that may occur in any text.
fn planted(count: u64, seed: u64) -> Vec<(&'static str, &'static str, String)> {
    const THEMES: [[&str; 5]; 5] = [
        ["物流", "快递", "派送", "驿站", "包裹"],
        ["口红", "颜色", "色号", "粉底", "唇膏"],
        ["客服", "回复", "电话", "转接", "工单"],
        ["包装", "纸箱", "瓶子", "胶带", "泡沫"],
        ["价格", "优惠券", "满减", "折扣", "差价"],
    ];
    const ANY: [&str; 6] = ["朋友", "妈妈", "公司", "北京", "周末", "商场"];
    const CUSTOMERS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
    let mut random = Random::new(seed, &[]);
    (0..count)
        .map(|_| {
            let theme = random.below(5) as usize;
            let mut text = String::from(ANY[random.below(6) as usize]);
            for _ in 0..3 {
                text.push('、');
                text.push_str(THEMES[theme][random.below(5) as usize]);
            }
            // Delivery is bad, colours are good.
            text.push_str(["太差", "很好看", "还行", "还行", "还行"][theme]);
            (CUSTOMERS[random.below(7) as usize], if random.per_mille(500) { "1" } else { "2" }, text)
        })
        .collect()
}

#[test]
fn planted_themes_are_found_whatever_the_order() {
    let mut texts = planted(600, 3);
    let rows = read(&texts, &ThemeWords::default(), ASKED);
    let themes: std::collections::BTreeSet<Vec<String>> = rows
        .iter()
        .filter(|row| row.theme.is_some())
        .map(|row| {
            let mut words = row.words.clone();
            words.sort();
            words
        })
        .collect();
    assert_eq!(themes.len(), 5, "{themes:?}");
    for theme in [
        ["口红", "颜色", "色号", "粉底", "唇膏"],
        ["物流", "快递", "派送", "驿站", "包裹"],
        ["价格", "优惠券", "满减", "折扣", "差价"],
    ] {
        let mut theme = theme.map(String::from);
        theme.sort();
        assert!(themes.contains(theme.as_slice()), "{theme:?} in {themes:?}");
    }
    // The worst first.
    assert!(rows[0].words.contains(&"物流".to_string()) && rows[0].pain > 0.9 && rows[0].sentiment < -0.4, "{:?}", rows[0]);
    let colours = rows.iter().find(|row| row.words.contains(&"口红".to_string())).unwrap();
    assert!(colours.sentiment > 0.4 && colours.pain == 0.0);
    texts.reverse();
    assert_eq!(read(&texts, &ThemeWords::default(), ASKED), rows);
}

#[test]
fn the_dictionary_comes_first() {
    let own = ThemeWords::of([("delivery", "快递"), ("delivery", "物流"), ("colour", "颜色"), ("colour", " "), ("", "x")]);
    let rows = read(&planted(600, 4), &own, ASKED);
    let delivery = rows.iter().find(|row| row.theme.as_deref() == Some("delivery")).unwrap();
    assert!(delivery.from_dictionary && delivery.words.len() == 2);
    assert!(!rows.iter().any(|row| !row.from_dictionary && row.words.contains(&"快递".to_string())));
    // Without groups, most texts have no theme.
    let rows = read(&planted(600, 4), &own, Asked { most: 0, ..ASKED });
    assert_eq!(rows.iter().filter(|row| row.theme.is_none()).count(), 2);
    assert!(rows.iter().all(|row| row.from_dictionary == row.theme.is_some()));
}

#[test]
fn a_theme_feels_as_its_clause() {
    let own = ThemeWords::of([("delivery", "delivery"), ("colour", "colour")]);
    let texts = [("a", "", "The colour is beautiful, but the delivery was terrible. Call 13812345678!".to_string())];
    let rows = read(&texts, &own, ASKED);
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].theme.as_deref(), rows[0].pain), (Some("delivery"), 1.0));
    assert!(rows[0].sentiment < -0.3 && rows[1].sentiment > 0.3);
    assert_eq!(rows[0].examples, ["The colour is beautiful, but the delivery was terrible. Call ***!"]);
}

#[test]
fn plurals_are_one_word() {
    let vocabulary = ["delivery", "deliveries", "box", "boxes", "bus", "glass", "size", "sizes", "news"].map(String::from);
    let singular = singulars(&vocabulary);
    assert_eq!(singular, [0, 0, 2, 2, 4, 5, 6, 6, 8]);
}

#[test]
fn nothing_gives_nothing() {
    assert_eq!(read(&[], &ThemeWords::default(), ASKED), vec![]);
    let rows = read(&[("a", "", "。".to_string()), ("a", "", String::new())], &ThemeWords::default(), ASKED);
    assert_eq!((rows.len(), rows[0].theme.as_deref(), rows[0].texts, rows[0].customers), (1, None, 2, 1));
}
