//! How far a pull is: bars on a terminal, one line a layer elsewhere.

use std::{
    io::{self, IsTerminal, Read},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Ui, table::bytes};

/// The progress of one pull.
#[derive(Debug, Clone)]
pub struct Progress {
    ui: Ui,
    /// None where there is no terminal to draw on.
    bars: Option<MultiProgress>,
}

/// The progress of one layer.
#[derive(Debug)]
pub struct LayerProgress {
    ui: Ui,
    name: String,
    size: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Nothing is shown before the first layer.
    pub fn new(ui: Ui) -> Self {
        let drawn = !ui.quiet && io::stderr().is_terminal();
        let target = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { ui, bars: drawn.then(target) }
    }

    /// As [`Ui::note`], above the bars.
    pub fn note(&self, text: &str) {
        self.above(|| self.ui.note(&super::plain(text)));
    }

    /// As [`Ui::detail`], above the bars.
    pub fn detail(&self, text: &str) {
        self.above(|| self.ui.detail(&super::plain(text)));
    }

    fn above(&self, print: impl FnOnce()) {
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    /// A layer of `size` bytes is on its way; `name` is its short digest.
    pub fn layer(&self, name: &str, size: u64) -> LayerProgress {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(size));
            bar.set_style(style());
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        LayerProgress { ui: self.ui, name: name.into(), size, bar }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {bar:30} {decimal_bytes:>10}/{decimal_total_bytes:<10}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl LayerProgress {
    /// Counts what is read through it.
    pub fn watch<R: Read>(&self, reader: R) -> impl Read + use<R> {
        let bar = self.bar.clone().unwrap_or_else(ProgressBar::hidden);
        bar.wrap_read(reader)
    }

    /// The layer is in the store.
    pub fn done(self) {
        match self.bar {
            Some(bar) => bar.finish(),
            None if self.ui.quiet => {}
            None => super::print_to_stderr(&format!("{}: {}\n", self.name, bytes(self.size))),
        }
    }
}
