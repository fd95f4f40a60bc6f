using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;
using Parity = System.IO.Ports.Parity;

namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>ZKETECH EBC-A05, A10H, A20.</summary>
public sealed class EbcDriver : LineDriver
{
    /// <summary>Protocol name, as the catalogue spells it.</summary>
    public const string Name = "ebc-a20";

    /// <inheritdoc/>
    public override string Protocol => Name;

    /// <inheritdoc/>
    public override string Title => "ZKETECH EBC-A05 / A10H / A20 battery tester";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Full;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } = ["voltage_volt", "current_ampere", "step_cumulative_capacity_ah"];

    /// <inheritdoc/>
    public override DeviceGuard Guard { get; } = new("cut-off voltage and minutes in the device; a charge has cut-off current and voltage only");

    /// <inheritdoc/>
    public override TimeSpan TimeToSafe => TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public override LineDefaults Line { get; } = new(9600, Parity.Even);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } = new Dictionary<string, Func<ICaptureDecoder>> { [Name] = () => new EbcCapture() };

    /// <inheritdoc/>
    public override string? Fault(Step step, ChannelConfig config) => EbcSteps.Fault(step);

    /// <inheritdoc/>
    public override async Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) =>
        await EbcSession.ConnectAsync(setup.Line, setup.OnReading, setup.Machine, cancel);
}
