using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.JbdUart;

/// <summary>JBD (Jiabaida, also sold as Xiaoxiang, Overkill) BMS over UART; monitor.</summary>
public sealed class JbdDriver : LineDriver
{
    /// <inheritdoc/>
    public override string Protocol => "jbd-uart";

    /// <inheritdoc/>
    public override string Title => "JBD BMS (UART)";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Monitor;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } =
    [
        "voltage_volt", "current_ampere", "state_of_charge_percent", "remaining_capacity_ah", "nominal_capacity_ah", "bms_cycle_count", "charge_switch_closed", "discharge_switch_closed",
        .. Enumerable.Range(1, JbdSession.MaxTemperatures).Select(k => $"temperature_{k}_celsius"),
        .. Enumerable.Range(1, JbdSession.MaxCells).Select(k => $"cell_{k}_voltage_volt"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Texts { get; } = ["protection"];

    /// <inheritdoc/>
    public override LineDefaults Line { get; } = new(9600);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } =
        new Dictionary<string, Func<ICaptureDecoder>> { ["jbd-uart"] = () => new JbdCapture() };

    /// <inheritdoc/>
    public override Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) => PolledSession.ConnectAsync(new JbdSession(setup), cancel);
}
