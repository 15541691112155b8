//! Guesses the encoding of bytes that are not UTF-8, to propose it by name.
//!
//! Most bytes are valid in several encodings. What a column's texts consist of decides: kana, frequent syllables, and the characters that
//! names, addresses and headers are written with. No guess is acted on; the user sees the text and decides.

use std::borrow::Cow;

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

/// Characters that are frequent in simplified Chinese files of customers and orders.
const SIMPLIFIED: &str = "客户订单金额姓名电话地址日期编号商品数量价格城市会员手机省市区公司部门单位备注合计年月日号码类型状态名称时间\
                          张李王刘陈杨赵黄周吴徐孙马朱胡林郭何高梁郑罗谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢\
                          的是在有人中大为上个国我以要他来用们生到作地于出分对成可主发动工也能下过子说产种面而方后多定行学法所民经";
/// The same for traditional Chinese.
const TRADITIONAL: &str = "客戶訂單金額姓名電話地址日期編號商品數量價格城市會員手機省縣區公司部門單位備註合計年月號碼類型狀態名稱時間\
                           張李王劉陳楊趙黃周吳徐孫馬朱胡林郭何高梁鄭羅謝宋唐許鄧馮韓曹曾彭蕭蔡潘田董袁于余葉蔣杜蘇魏程呂丁沈任姚盧\
                           的是在有人中大為上個國我以要他來用們生到作地於出分對成可主發動工也能下過子說產種面而方後多定行學法所民經\
                           臺北台灣路街段樓巷弄鄉鎮豐資料";
/// The same for Japanese, beside kana.
const JAPANESE: &str = "会員顧客注文金額氏名電話住所日付番号商品数量価格県市町村区社部門単位備考合計年月売上登録店舗税込円\
                        田中山本鈴木佐藤高橋渡辺伊東小林加藤吉田山口松井上清水野原池川島京大阪都府名前太郎花子一二三美和\
                        人出来生行見時間国学事方者分後前的同内地長自発物手業産動";
/// Syllables that are frequent in Korean. Chinese text that is read as Korean has other ones.
const KOREAN: &str = "이가다나는의을를에하고서사지기수인시스리자정명금액김박일대한도로아어은전주부구상원고객번호제품동성장산안요";

/// The encoding that bytes have most likely, by the name of its option, and their text.
pub fn guess(sample: &[u8]) -> (&'static str, Cow<'_, str>) {
    // Chinese text in GBK consists of pairs of bytes above 0x80; Western text has single ones.
    let pairs = sample.windows(2).filter(|pair| pair[0] >= 0x81 && pair[1] >= 0x81).count();
    let singles = sample.windows(3).filter(|three| three[0] < 0x80 && three[1] >= 0x80 && three[2] < 0x80).count();
    let (as_chinese, fails) = GB18030.decode_without_bom_handling(&sample[..sample.len() & !1]);
    let is_chinese = pairs > singles && as_chinese.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character));
    let simplified = share(whole(sample, GB18030).as_deref(), |letter| SIMPLIFIED.contains(letter));
    if let Some(text) = shift_jis(sample) {
        ("shift_jis", text)
    } else if let Some(text) = korean(sample) {
        ("euc-kr", text)
    } else if let Some(text) = euc_jp(sample, simplified) {
        ("euc-jp", text)
    } else if let Some(text) = big5(sample).filter(|text| share(Some(text), |letter| TRADITIONAL.contains(letter)) > simplified) {
        ("big5", text)
    } else if let Some(text) = cyrillic(sample) {
        ("windows-1251", text)
    } else if !is_within_words(&as_chinese) && (is_chinese && !fails || pairs > 2 * singles) {
        ("gb18030", as_chinese)
    } else if let Some(text) = big5(sample) {
        ("big5", text)
    } else {
        ("windows-1252", WINDOWS_1252.decode_without_bom_handling(sample).0)
    }
}

/// The text of whole lines, if all of it is valid: the sample may end within a character.
fn whole<'a>(sample: &'a [u8], encoding: &'static Encoding) -> Option<Cow<'a, str>> {
    let lines = sample.iter().rposition(|byte| *byte == b'\n').map_or(sample, |end| &sample[..end]);
    encoding.decode_without_bom_handling_and_without_replacement(lines)
}

/// How many of a hundred letters that are not ASCII are frequent.
fn share(text: Option<&str>, is_frequent: impl Fn(char) -> bool) -> usize {
    let letters = || text.unwrap_or_default().chars().filter(|letter| !letter.is_ascii());
    100 * letters().filter(|letter| is_frequent(*letter)).count() / letters().count().max(1)
}

/// The text of bytes that may be Shift-JIS: kana and most kanji begin with bytes below 0xA0. Chinese text has bytes that are half-width
/// katakana in Shift-JIS, and Western text hardly has two such letters one after the other.
fn shift_jis(sample: &[u8]) -> Option<Cow<'_, str>> {
    let text = whole(sample, SHIFT_JIS)?;
    let is_low = |byte: &u8| (0x81..=0x9f).contains(byte);
    let (low, high) = (sample.iter().filter(|byte| is_low(byte)).count(), sample.iter().filter(|byte| **byte >= 0xa0).count());
    let letters: Vec<bool> =
        text.chars().map(|letter| matches!(letter, '\u{3041}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}')).collect();
    let is_japanese = letters.windows(2).any(|two| two == [true, true]);
    let is_half_width = text.chars().any(|letter| ('\u{ff61}'..='\u{ff9f}').contains(&letter));
    (is_japanese && !is_half_width && low > high).then_some(text)
}

/// The text of bytes that may be EUC-KR. The same bytes are Chinese characters, so frequent syllables decide.
fn korean(sample: &[u8]) -> Option<Cow<'_, str>> {
    let text = whole(sample, EUC_KR)?;
    let letters = || text.chars().filter(|letter| !letter.is_ascii());
    let syllables = letters().filter(|letter| ('\u{ac00}'..='\u{d7a3}').contains(letter)).count();
    let frequent = letters().filter(|letter| KOREAN.contains(*letter)).count();
    (frequent >= 2 && 4 * frequent >= syllables && 10 * syllables >= 9 * letters().count()).then_some(text)
}

/// The text of bytes that may be EUC-JP. The same bytes are Chinese characters, and kana have the same bytes in both; but only Japanese text
/// is full of kana, and its characters are others.
fn euc_jp(sample: &[u8], simplified: usize) -> Option<Cow<'_, str>> {
    let text = whole(sample, EUC_JP)?;
    let is_kana = |letter: char| ('\u{3041}'..='\u{30ff}').contains(&letter);
    let kana = text.chars().filter(|letter| is_kana(*letter)).count();
    let frequent = share(Some(&text), |letter| is_kana(letter) || JAPANESE.contains(letter));
    (frequent > simplified && (kana >= 2 || frequent >= 40)).then_some(text)
}

/// The text of bytes that may be Cyrillic: nearly all letters are of one byte in the last quarter, most of them small ones. Few Chinese
/// characters have their first byte there.
fn cyrillic(sample: &[u8]) -> Option<Cow<'_, str>> {
    let high = || sample.iter().filter(|byte| **byte >= 0x80);
    let letters = high().filter(|byte| **byte >= 0xc0 || matches!(byte, 0xa8 | 0xb8)).count();
    let small = high().filter(|byte| **byte >= 0xe0).count();
    // Western words have such letters singly.
    let pairs = sample.windows(2).filter(|pair| pair[0] >= 0xc0 && pair[1] >= 0xc0).count();
    let is_cyrillic = letters >= 6 && 20 * letters >= 19 * high().count() && 10 * small >= 6 * letters && 2 * pairs >= letters;
    is_cyrillic.then(|| WINDOWS_1251.decode_without_bom_handling(sample).0)
}

/// The text of bytes that may be Big5: the second byte of many characters is ASCII, so that they are no pairs. Western text hardly has two
/// Chinese characters one after the other.
fn big5(sample: &[u8]) -> Option<Cow<'_, str>> {
    let text = whole(sample, BIG5)?;
    let is_chinese: Vec<bool> = text.chars().map(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter)).collect();
    is_chinese.windows(2).any(|two| two == [true, true]).then_some(text)
}

/// True where each character that is not ASCII stands alone between letters: `Größe` read as Chinese has one in the middle of a word.
fn is_within_words(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let is_letter = |place: usize| letters.get(place).is_some_and(char::is_ascii_alphabetic);
    (0..letters.len())
        .filter(|place| !letters[*place].is_ascii())
        .all(|place| place > 0 && is_letter(place - 1) && is_letter(place + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_in_the_encoding_that_they_have() {
        let cases = [
            (GB18030, "gb18030", "会员,金额\n张三,1\n李四,2\n"),
            (GB18030, "gb18030", "姓名,性别,地址\n欧阳娜,女,贵州省遵义市\n"),
            (BIG5, "big5", "會員,金額\n張三豐,1\n臺灣資料,2\n"),
            (BIG5, "big5", "編號,名稱\n1,茶\n"),
            (SHIFT_JIS, "shift_jis", "会員,金額\n山田太郎,1\nカタカナ,2\n"),
            (EUC_JP, "euc-jp", "会員,金額\n山田太郎,1\nカタカナ,2\n"),
            (EUC_JP, "euc-jp", "氏名,住所\n佐藤美和,東京都\n"),
            (EUC_KR, "euc-kr", "회원,금액\n홍길동,1\n김철수,2\n"),
            (WINDOWS_1251, "windows-1251", "имя;сумма\nИван;1\nПётр;2\n"),
            (WINDOWS_1252, "windows-1252", "Straße;Größe\nMünchen;1\n"),
        ];
        for (encoding, name, text) in cases {
            let (bytes, _, fails) = encoding.encode(text);
            assert!(!fails, "{text}");
            let (guessed, read) = guess(&bytes);
            assert_eq!((guessed, read.lines().next()), (name, text.lines().next()), "{text}");
        }
    }
}
