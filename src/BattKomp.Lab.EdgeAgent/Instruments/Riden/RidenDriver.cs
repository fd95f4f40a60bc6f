using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments.Riden;

/// <summary>Riden RD6006, RD6012, RD6018 supplies: they charge and cannot take current back.</summary>
public sealed class RidenDriver : LineDriver
{
    private const double MaxVolt = 60, MaxAmpere = 18;
    private static readonly ModbusSettings Standard = new(1, 250);

    /// <inheritdoc/>
    public override string Protocol => "riden-rd60xx";

    /// <inheritdoc/>
    public override string Title => "Riden RD6006 / RD6012 / RD6018 supply";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Full;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } = ["voltage_volt", "current_ampere", "step_cumulative_capacity_ah", "device_temperature_celsius"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Texts { get; } = ["regulation"];

    /// <inheritdoc/>
    public override TimeSpan TimeToSafe => TimeSpan.FromSeconds(3);

    /// <inheritdoc/>
    public override LineDefaults Line { get; } = new(115200);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } =
        new Dictionary<string, Func<ICaptureDecoder>> { ["riden-rd60xx"] = () => new RidenCapture() };

    /// <inheritdoc/>
    internal override object ReadSettings(JsonFields channel) => ModbusSettings.Read(channel, Standard.Unit, Standard.ReplyMilliseconds);

    /// <inheritdoc/>
    public override string? Fault(Step step, ChannelConfig config) =>
        step.Kind is not (Kind.CcCharge or Kind.CccvCharge or Kind.Cv) ? $"the supply cannot do {step.Kind}; use CC_CHARGE, CCCV_CHARGE or CV"
        : !(step.Volt > 0 && step.Volt <= MaxVolt) ? $"volt is {step.Volt}; the supply takes 0.01 to {MaxVolt} V"
        : !(step.Ampere > 0 && step.Ampere <= MaxAmpere) ? $"ampere is {step.Ampere}; the supply takes 0.001 to {MaxAmpere} A, by model"
        : null;

    /// <inheritdoc/>
    public override Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) =>
        PolledSession.ConnectAsync(new RidenSession(setup, (setup.Config.Settings as ModbusSettings ?? Standard).Open(setup)), cancel);
}
