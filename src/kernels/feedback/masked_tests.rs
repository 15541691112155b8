use super::*;

#[test]
fn personal_data_is_masked() {
    let cases = [
        ("我的手机13812345678，请回电", "我的手机***，请回电"),
        ("电话 138 1234 5678 或 138-1234-5678", "电话 *** 或 ***"),
        ("+86 13812345678 / 0086-138-1234-5678 / 8613812345678", "*** / *** / ***"),
        ("打１３８１２３４５６７８", "打***"),
        ("号码是一三八一二三四五六七八，别打错", "号码是***，别打错"),
        ("座机010-62345678，(021)62345678，0571 8765 4321", "座机***，***，***"),
        ("热线400-820-8820", "热线***"),
        ("call me at (415) 555-2671 or +1 415 555 2671 or +44 20 7946 0958", "call me at *** or *** or ***"),
        ("电话：62345678", "电话：***"),
        ("邮箱zhang.san@example.com。", "邮箱***。"),
        ("write to a_b+c@mail.example.co.uk.", "write to ***."),
        ("身份证11010519491231002X和110105194912310021", "身份证***和***"),
        ("老身份证110105491231002", "老身份证***"),
        ("身份证110105 19491231 002X", "身份证***"),
        ("卡号6222 0212 3456 7890 128", "卡号***"),
        ("card 4111 1111 1111 1111, amex 3782 822463 10005", "card ***, amex ***"),
        ("卡4111111111111112号", "卡***号"),
        ("加微信：zhang_1988，QQ 12345678", "加微信：***，QQ ***"),
        ("订单20250630123456789没到", "订单***没到"),
        ("2025-06-30 13812345678", "2025-06-30 ***"),
        ("买了2 13812345678", "买了2 ***"),
        ("tel13812345678abc", "tel***abc"),
        ("(13812345678)", "(***)"),
    ];
    for (text, expected) in cases {
        assert_eq!(masked(text), expected, "{text}");
    }
}

#[test]
fn what_is_none_stays() {
    for text in [
        "",
        "2025-06-30买的，价格1234567.50元，20250630发货",
        "我买了3件，第二天1月15日到，用了10-15天",
        "等了一二三四五天，一九九八年的店",
        "@所有人 快来，50%@off，a@b",
        "微信支付很快，QQ 音乐",
        "version 10.2.3.4, 3.14159265, 12,345,678",
        "在2024.06.18 12:30:45下单，编号A1234567",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn kinds_are_told() {
    let kinds = |text: &str| find(text).into_iter().map(|found| found.what).collect::<Vec<_>>();
    assert_eq!(
        kinds("13812345678 a@b.cn 110105194912310021 4111111111111111 微信abc12345 98765432109876"),
        [What::Phone, What::Email, What::IdCard, What::BankCard, What::Account, What::Number]
    );
    assert_eq!(kinds("13812345678@qq.com"), [What::Email]);
}

#[test]
fn any_text_can_be_read() {
    let letters = ['1', '3', '8', '０', '一', '@', '.', '-', ' ', '(', '+', 'x', '微', '信', 'q', '😀', '号', '4'];
    let mut random = crate::kernels::random::Random::new(7, &[]);
    for _ in 0..20_000 {
        let text: String = (0..random.below(40)).map(|_| letters[random.below(letters.len() as u64) as usize]).collect();
        let mut last = 0;
        for found in find(&text) {
            assert!(found.start >= last && found.start < found.end && text.get(found.start..found.end).is_some(), "{text}");
            last = found.end;
        }
    }
}
