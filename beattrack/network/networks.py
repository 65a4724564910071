"""The networks that can be trained by name: `beattrack train --model-config NAME`.

All of them read the same spectrogram and have the same heads, and each is a function of a width, so that
networks of any kind can be compared at the same number of parameters. `docs/networks.md` describes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from beattrack.errors import SettingsError
from beattrack.network.recurrent_settings import RecurrentKind, RecurrentSettings
from beattrack.network.settings import FrontEndSettings, HarmonyPathSettings, NetworkSettings, TCNSettings

MATCHED_WIDTH = 20  # channels of the TCN that the others are matched to, as in Böck & Davies, ISMIR 2020
DEPTH = len(TCNSettings().dilations)
MOST_WIDTH = 4096


@dataclass(frozen=True)
class NetworkConfig:
    """A network by name.

    Attributes:
        name: its name.
        summary: what it is, in a few words.
        build: function of its width and the channels of the front-end, which are the width itself in all but
            recurrent networks.
        width: width with the number of parameters of the TCN of `MATCHED_WIDTH`, to a few per cent.
        shipped: settings of the shipped model of that name; None if there is none.
    """

    name: str
    summary: str
    build: Callable[[int, int], NetworkSettings]
    width: int
    shipped: NetworkSettings | None = None

    @property
    def matched(self) -> NetworkSettings:
        """The network with as many parameters as the others, for comparison."""
        return self.build(self.width, MATCHED_WIDTH)

    @property
    def settings(self) -> NetworkSettings:
        """The network that the name stands for: that of the shipped model, or else the matched one."""
        return self.shipped or self.matched


def _convolutional(tcn: TCNSettings) -> NetworkSettings:
    return NetworkSettings(front_end=FrontEndSettings(channels=tcn.channels), tcn=tcn, tempo_bins=0)


def _tcn(width: int, _: int) -> NetworkSettings:
    return _convolutional(TCNSettings(channels=width))


def _tcn_causal(width: int, _: int) -> NetworkSettings:
    return _convolutional(TCNSettings(channels=width, causal=True))


def _cnn1d(width: int, _: int) -> NetworkSettings:
    return _convolutional(TCNSettings(channels=width, dilations=(1,) * DEPTH, parallel_pair=False))


def _wavenet(width: int, _: int) -> NetworkSettings:
    return _convolutional(
        TCNSettings(
            channels=width,
            kernel=2,
            causal=True,
            parallel_pair=False,
            residual_1x1=False,
            gated=True,
            activation="relu",
            output="wavenet",
        )
    )


def _cnn2d(width: int, _: int) -> NetworkSettings:
    front_end = FrontEndSettings(
        channels=width, time_kernels=(5,) * 5, frequency_kernels=(3,) * 5, pools=(3, 1, 3, 1, 2)
    )
    return NetworkSettings(front_end=front_end, tcn=None, tempo_bins=0)


def _cnn2d_clip(width: int, _: int) -> NetworkSettings:
    front_end = replace(_cnn2d(width, width).front_end, time_pools=(2,) * 5)
    return NetworkSettings(front_end=front_end, tcn=None)


def _recurrent(kind: RecurrentKind, *, bidirectional: bool = False) -> Callable[[int, int], NetworkSettings]:
    def build(width: int, features: int) -> NetworkSettings:
        recurrent = RecurrentSettings(kind=kind, hidden=width, bidirectional=bidirectional)
        front_end = FrontEndSettings(channels=features)
        return NetworkSettings(front_end=front_end, tcn=None, recurrent=recurrent, tempo_bins=0)

    return build


NETWORKS = {
    config.name: config
    for config in (
        NetworkConfig(
            "tcn",
            "TCN that sees past and future",
            _tcn,
            MATCHED_WIDTH,
            NetworkSettings(tcn=TCNSettings(channels=48), harmony=HarmonyPathSettings()),
        ),
        NetworkConfig(
            "tcn-causal",
            "TCN that sees the past",
            _tcn_causal,
            MATCHED_WIDTH,
            NetworkSettings(
                tcn=TCNSettings(channels=48, causal=True),
                harmony=HarmonyPathSettings(delay=16),
                tempo_bins=0,
                look_ahead=2,
            ),
        ),
        NetworkConfig("wavenet", "gated causal convolutions of kernel 2", _wavenet, 30),
        NetworkConfig("cnn1d", "the convolutions of the TCN without dilation", _cnn1d, 26),
        NetworkConfig("cnn2d", "2-D convolutions over patches of the spectrogram", _cnn2d, 33),
        NetworkConfig(
            "cnn2d-clip", "the same with pooling over time: the tempo of a whole clip", _cnn2d_clip, 30
        ),
        NetworkConfig("gru", "two layers of GRU cells", _recurrent("gru"), 76),
        NetworkConfig("lstm", "two layers of LSTM cells", _recurrent("lstm"), 65),
        NetworkConfig(
            "bilstm", "two layers of LSTM cells, both ways", _recurrent("lstm", bidirectional=True), 40
        ),
    )
}


def find_config(name: str) -> NetworkConfig:
    """Return a network by name.

    Raises:
        SettingsError: if no network has this name; the message lists the names.
    """
    if name not in NETWORKS:
        raise SettingsError(f"no network is called {name!r}; use one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


def network_settings(name: str, *, parameters: int | None = None) -> NetworkSettings:
    """Return the settings of a network by name.

    Args:
        name: name of the network, such as `gru`.
        parameters: number of parameters, met as nearly as a whole width can, of the network for
            comparison (`NetworkConfig.matched`); None for the default of the name. This needs torch.

    Raises:
        SettingsError: if no network has this name, or none of its widths comes within a tenth of the number.
    """
    config = find_config(name)
    if parameters is None:
        return config.settings
    features = _nearest(NETWORKS["tcn"], parameters, MATCHED_WIDTH)
    width = _nearest(config, parameters, features)
    return config.build(width, features)


def _nearest(config: NetworkConfig, parameters: int, features: int) -> int:
    """Return the width whose number of parameters is nearest, by bisection."""
    from beattrack.network.size import parameter_count

    low, high = 1, MOST_WIDTH  # the number of parameters grows with the width
    while high - low > 1:
        middle = (low + high) // 2
        if parameter_count(config.build(middle, features)) <= parameters:
            low = middle
        else:
            high = middle
    sizes = {width: parameter_count(config.build(width, features)) for width in (low, high)}
    width = min(sizes, key=lambda width: abs(sizes[width] - parameters))
    if abs(sizes[width] - parameters) > parameters / 10:
        raise SettingsError(
            f"{config.name}: cannot have about {parameters} parameters; the nearest number is {sizes[width]}"
        )
    return width
