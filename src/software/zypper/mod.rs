use super::*;
pub struct Zypper;
impl Manager for Zypper {
    fn name(&self) -> &'static str {
        "zypper"
    }
    fn format(&self) -> Format {
        Format::Deb
    }
    fn compare(&self, a: &str, b: &str) -> Ordering {
        a.cmp(b)
    }
    fn installed(&self, _: &Inside) -> Result<Vec<Package>> {
        Ok(vec![])
    }
    fn prepare(&self, _: &Job) -> Result<()> {
        Ok(())
    }
    fn available(&self, _: &Job) -> Result<Vec<Available>> {
        Ok(vec![])
    }
    fn fixes(&self, _: &Job, _: &[String]) -> Result<Vec<Fix>> {
        Ok(vec![])
    }
    fn transaction(&self, _: &Job, _: &[Goal]) -> Result<Transaction> {
        Ok(Transaction::default())
    }
    fn apply(&self, _: &Job, _: &[Goal]) -> Result<()> {
        Ok(())
    }
}
