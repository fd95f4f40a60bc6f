using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.BinderMk;

/// <summary>Binder chamber with an MB1 or MB2 controller (MK, KBF and others), Modbus RTU over serial or raw TCP.</summary>
public sealed class BinderDriver : LineDriver
{
    private const double Lowest = -70, Highest = 180;
    private static readonly ModbusSettings Standard = new(1, 250);

    /// <inheritdoc/>
    public override string Protocol => "binder-mk";

    /// <inheritdoc/>
    public override string Title => "Binder MK climate chamber (MB1/MB2)";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Full;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } = ["ambient_temperature_celsius", "set_temperature_celsius", "door_open"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Texts { get; } = ["chamber_mode", "chamber_text"];

    /// <inheritdoc/>
    public override TimeSpan TimeToSafe => TimeSpan.FromSeconds(3);

    /// <inheritdoc/>
    public override bool RestHolds => true;

    /// <inheritdoc/>
    public override LineDefaults Line { get; } = new(9600);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } =
        new Dictionary<string, Func<ICaptureDecoder>> { ["binder-mk53"] = () => new BinderCapture(), ["binder-mk"] = () => new BinderCapture() };

    /// <inheritdoc/>
    internal override object ReadSettings(JsonFields channel) => ModbusSettings.Read(channel, Standard.Unit, Standard.ReplyMilliseconds);

    /// <inheritdoc/>
    public override string? Fault(Step step, ChannelConfig config) =>
        step.Kind != Step.Types.Kind.Temperature ? $"a chamber cannot do {step.Kind}; use TEMPERATURE or REST"
        : step.Celsius is >= Lowest and <= Highest ? null
        : $"celsius is {step.Celsius}; the chamber takes {Lowest} to {Highest}";

    /// <inheritdoc/>
    public override Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) =>
        PolledSession.ConnectAsync(new BinderSession(setup, (setup.Config.Settings as ModbusSettings ?? Standard).Open(setup)), cancel);
}
