//! The quickstart runs as it stands.

use std::process::Command;

#[test]
fn the_quickstart_sells_refunds_sells_again_and_is_sound() {
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart")).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for part in ["ben comes too late", "payment.succeeded", "refund.succeeded", "at the door: used"]
    {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert!(!text.contains("VIOLATED"), "{text}");
}
