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
        ("SSN 123-45-6789.", "SSN [id card]."),
        ("part 000-12-3456, 123-00-4567, 912-34-5678", "part 000-12-3456, 123-00-4567, 912-34-5678"),
        ("no 1123-45-6789 and 123-45-67890", "no 1123-45-6789 and 123-45-67890"),
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
        ("手机138_1234_5678或138·1234·5678", "手机[phone]或[phone]"),
        ("1 3 8 1 2 3 4 5 6 7 8", "[phone]"),
        ("1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X", "[id card]"),
        ("打138一二三四五六七八，或壹叁捌壹贰叁肆伍陆柒捌", "打[phone]，或[phone]"),
        ("13812345678一起来，138一二三四五678一起来", "[phone]一起来，[phone]一起来"),
        ("淘宝号18412345678-1234。", "淘宝号[phone]。"),
        ("座机（0755）8888-6666-123", "座机[phone]"),
        ("13812345678-13912345678", "[phone]-[phone]"),
        ("13812345678-2025.06.18", "[phone]-2025.06.18"),
        ("mail zhang.san (at) example.com or li[at]qq[dot]com", "mail [email] or [email]"),
        ("邮箱 zhangsan @ qq.com", "邮箱 [email]"),
        ("write to zhang { at } qq { dot } com, or < at >", "write to [email], or < at >"),
        ("mail foo AT bar DOT com now", "mail [email] now"),
        ("foo AT bar.com", "[email]"),
        ("john dot smith at gmail dot com", "[email]"),
        ("zhang.san at mail dot qq dot com", "[email]"),
        ("zhang88 at qq dot com", "[email]"),
        ("my mail is foo at bar dot com.", "my mail is [email]."),
        ("邮箱：foo at bar dot com", "邮箱：[email]"),
        ("foo@bar dot com", "[email]"),
        ("foo (at) bar dot co dot uk", "[email]"),
        ("zhang艾特qq点com，zhang 艾特 qq 点 com", "[email]，[email]"),
        ("zhang@qq点com谢谢", "[email]谢谢"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN [iban]."),
        ("DE89370400440532013000", "[iban]"),
        ("de89370400440532013000", "[iban]"),
        ("pay GB29 NWBK 6016 1331 9268 19 or FR14-2004-1010-0505-0001-3M02-606", "pay [iban] or [iban]"),
        ("MT84MALT011000012345MTLCAST001S", "[iban]"),
        ("转到ＤＥ８９３７０４００４４０５３２０１３０００谢谢", "转到[iban]谢谢"),
        ("护照E12345678，港澳通行证号码：C12345678", "护照[id card]，港澳通行证号码：[id card]"),
        ("passport no. G12345678, passport number: 123456789", "passport no. [id card], passport number: [id card]"),
        ("加qq 12345678，V信：abc12345", "加qq [account]，V信：[account]"),
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
        "1 3 8 1 2 3 4 5 6 7 8 9",
        "hello @user.name, 5 (at) home",
        "meet at noon, dot your i",
        "look at amazon dot com and meet me at the dot com office",
        "LOOK AT AMAZON DOT COM",
        "we met AT NOON. Then we left",
        "see you AT noon.then we go",
        "ask him (at) the desk, a dot (dot) here",
        "3 at 5 dot com",
        "三点到五点，@张三 点赞",
        "DE89 3704 0044 0532 0130 01",
        "DE8937040044053201300",
        "XDE89370400440532013000",
        "DE893704004405320130001",
        "AT 12 PEOPLE WENT TO THE SHOP AND BOUGHT 3 THINGS",
        "护照办理，通行证2025",
        "加VIP8888会员",
        "2025年6月18日一二三四",
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

#[test]
fn quoted_texts_are_masked() {
    let cases = [
        ("我的手机13812345678，请回电", "我的手机***，请回电"),
        ("电话 138 1234 5678 或 138-1234-5678", "电话 *** 或 ***"),
        ("+86 13812345678 / 0086-138-1234-5678 / 8613812345678", "*** / *** / ***"),
        ("打１３８１２３４５６７８", "打***"),
        ("号码是一三八一二三四五六七八，别打错", "号码是***，别打错"),
        ("座机010-62345678，(021)62345678，0571 8765 4321", "座机***，***，***"),
        ("热线400-820-8820", "热线400-820-8820"),
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
        assert_eq!(quoted(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_personal_data_is_quoted() {
    for text in [
        "",
        "2025-06-30买的，价格1234567.50元，20250630发货",
        "我买了3件，第二天1月15日到，用了10-15天",
        "等了一二三四五天，一九九八年的店",
        "@所有人 快来，50%@off，a@b",
        "微信支付很快，QQ 音乐",
        "version 10.2.3, 3.14159265, 12,345,678",
        "在2024.06.18 12:30:45下单，编号A1234567",
    ] {
        assert_eq!(quoted(text), text);
    }
}
