//! The layers of a network by name and shape. The network, its cost and its exports are built from these lists.

/// The kind of the residual blocks of a network (He et al. 2016).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Two 3×3 convolutions.
    Basic,
    /// 1×1, 3×3, 1×1; the output is four times as wide as the inner convolutions. The 3×3 has the stride, as in
    /// torchvision.
    Bottleneck,
}

impl BlockKind {
    /// The number of output channels for an inner width.
    pub fn outputs(self, width: i64) -> i64 {
        match self {
            BlockKind::Basic => width,
            BlockKind::Bottleneck => 4 * width,
        }
    }

    /// The convolutions of the main path, with their norms.
    pub fn convolutions(self, inputs: i64, width: i64, stride: i64) -> Vec<ConvSpec> {
        let shapes = match self {
            BlockKind::Basic => vec![(inputs, width, 3, stride), (width, width, 3, 1)],
            BlockKind::Bottleneck => {
                vec![(inputs, width, 1, 1), (width, width, 3, stride), (width, 4 * width, 1, 1)]
            }
        };
        let numbered = (1..).zip(shapes);
        let named =
            numbered.map(|(number, shape)| ConvSpec::new(format!("conv{number}"), format!("bn{number}"), shape));
        named.collect()
    }
}

/// A convolution and the batch norm after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvSpec {
    /// The name of the convolution in its block, or in the network for one of the stem.
    pub conv: String,
    /// The name of the norm.
    pub norm: String,
    /// Input channels.
    pub inputs: i64,
    /// Output channels.
    pub outputs: i64,
    /// The side of the square kernel \[pixels\].
    pub kernel: i64,
    /// The stride of the convolution \[pixels\].
    pub stride: i64,
    /// Whether a blur of stride 2 follows after ReLU.
    pub blur: bool,
}

impl ConvSpec {
    /// A convolution without blur; `shape` is (inputs, outputs, kernel, stride).
    pub fn new(conv: impl Into<String>, norm: impl Into<String>, shape: (i64, i64, i64, i64)) -> Self {
        let (inputs, outputs, kernel, stride) = shape;
        Self { conv: conv.into(), norm: norm.into(), inputs, outputs, kernel, stride, blur: false }
    }

    /// The convolution with a blur of stride 2 in place of its own stride of 2; one of stride 1 stays as it is.
    #[must_use]
    pub fn blurred(self) -> Self {
        if self.stride == 2 { Self { stride: 1, blur: true, ..self } } else { self }
    }
}

/// The shortcut of a block that changes the shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortcutSpec {
    /// Whether an average pool of stride 2 comes before the convolution.
    pub pool: bool,
    /// The 1×1 convolution and its norm.
    pub conv: ConvSpec,
}

/// A residual block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSpec {
    /// The name of the block in the network, such as `layer2.0`.
    pub path: String,
    /// The convolutions of the main path.
    pub main: Vec<ConvSpec>,
    /// The inner channels of squeeze-and-excitation, if the block has it.
    pub squeezed: Option<i64>,
    /// The shortcut; `None` stands for the identity.
    pub shortcut: Option<ShortcutSpec>,
}

impl BlockSpec {
    /// The number of output channels.
    pub fn outputs(&self) -> i64 {
        self.main.last().map_or(0, |last| last.outputs)
    }
}
