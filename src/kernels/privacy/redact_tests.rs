use super::*;

fn all() -> Vec<Class> {
    Class::ALL.iter().map(|(class, ..)| *class).collect()
}

fn shown(text: &str) -> String {
    let mut to = String::new();
    redact(text, &all(), |class| class.mark(false).into(), &mut to);
    to
}

#[test]
fn personal_data_is_replaced() {
    let cases = [
        ("请联系13812345678，谢谢", "请联系[phone]，谢谢"),
        ("电话:138-1234-5678。", "电话:[phone]。"),
        ("电话 138 1234 5678 找我", "电话 [phone] 找我"),
        ("１３８１２３４５６７８", "[phone]"),
        ("138\u{200b}1234\u{200b}5678", "[phone]"),
        ("+86 13812345678", "[phone]"),
        ("(+86)138 1234 5678", "[phone]"),
        ("8613812345678", "[phone]"),
        ("手机13812345678或13912345678", "手机[phone]或[phone]"),
        ("13812345678 13912345678", "[phone] [phone]"),
        ("13812345678/13912345678", "[phone]/[phone]"),
        ("座机010-88886666转801", "座机[phone]"),
        ("座机（010）88886666", "座机[phone]"),
        ("call 0571-87654321 ext. 12 now", "call [phone] now"),
        ("call (415) 555-2671 now", "call [phone] now"),
        ("call +1 415 555 2671.", "call [phone]."),
        ("call 415-555-2671", "call [phone]"),
        ("UK +44 20 7946 0958", "UK [phone]"),
        ("Tel:13812345678", "Tel:[phone]"),
        ("打一三八一二三四五六七八找我", "打[phone]找我"),
        ("幺三八一二三四五六七八", "[phone]"),
        ("发到zhang@example.com谢谢", "发到[email]谢谢"),
        ("mail zhang.san+x@mail.example.co.uk.", "mail [email]."),
        ("<li@qq.com>", "<[email]>"),
        ("12345678@qq.com", "[email]"),
        ("13812345678@163.com", "[email]"),
        ("ｌｉ＠ｑｑ．ｃｏｍ", "[email]"),
        ("身份证11010519491231002X号", "身份证[id card]号"),
        ("身份证号：110105 19491231 002x，", "身份证号：[id card]，"),
        ("440308199901010012", "[id card]"),
        ("１１０１０５１９４９１２３１００２Ｘ", "[id card]"),
        ("老证110105491231002。", "老证[id card]。"),
        ("卡号4111 1111 1111 1111", "卡号[bank card]"),
        ("卡号4111111111111111", "卡号[bank card]"),
        ("card 5555-5555-5555-4444 exp 12/27", "card [bank card] exp 12/27"),
        ("378282246310005", "[bank card]"),
        ("3782 822463 10005", "[bank card]"),
        ("6222021001116245702", "[bank card]"),
        ("车牌京A·12345", "车牌[plate]"),
        ("粤B12345开走了", "[plate]开走了"),
        ("粤BD12345", "[plate]"),
        ("沪A1234警", "[plate]"),
        ("from 192.168.13.100.", "from [ip]."),
        ("微信号：zhangsan", "微信号：[account]"),
        ("加微信zs_123456", "加微信[account]"),
        ("微信13812345678", "微信[phone]"),
        ("QQ 12345678", "QQ [account]"),
        ("我叫张三，13812345678，zhang@qq.com", "我叫张三，[phone]，[email]"),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .filter(|(text, expected)| shown(text) != *expected)
        .map(|(text, expected)| (shown(text), *expected))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_no_personal_data_stays() {
    for text in [
        "",
        "没有什么",
        "订单号20250115123456789",
        "订单1381234567812345678901",
        "2025-01-15 13:00:00",
        "2025年1月15日花了1380元",
        "价格13800.50元",
        "400-820-8820",
        "版本1.2.3",
        "256.1.1.1",
        "110105194912310021",
        "4111111111111112",
        "1234567890123456",
        "110 120 119",
        "a@b",
        "@张三",
        "user@",
        "京东A座",
        "川A字头",
        "qq群里说",
        "微信支付很方便",
        "WeChat is fine",
        "ISBN 978-7-111-54742-6",
        "10:30-12:00",
        "一二三四五六七八九",
        "第一三八号",
        "95588",
        "12,345,678,901",
        "第13812345678901号",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn only_what_is_asked_for_is_replaced() {
    let mut to = String::new();
    let text = "13812345678，zhang@qq.com";
    assert!(redact(text, &[Class::Email], |class| class.mark(true).into(), &mut to));
    assert_eq!(to, "13812345678，【邮箱】");
    to.clear();
    assert!(!redact("13812345678@qq.com", &[Class::Phone], |class| class.mark(true).into(), &mut to));
    assert_eq!(to, "13812345678@qq.com");
}

#[test]
fn any_text_is_read() {
    let mut random = crate::kernels::random::Random::new(7, &[]);
    let letters: Vec<char> = "0123456789 -+().@xX转京粤A微信：:１２ａ\u{200b}张/ext#".chars().collect();
    for _ in 0..20_000 {
        let length = random.below(40);
        let text: String = (0..length).map(|_| *random.pick(&letters)).collect();
        let mut to = String::new();
        redact(&text, &all(), |class| class.mark(false).into(), &mut to);
    }
}
