using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Espec;

/// <summary>The driver's own field of a channel.</summary>
/// <param name="Address">RS-485 address; null = none is sent.</param>
public sealed record EspecSettings(int? Address);

/// <summary>ESPEC climate chambers with a P300 or SCP-220 controller.</summary>
public sealed class EspecDriver : LineDriver
{
    /// <summary>Protocol name, as the catalogue spells it.</summary>
    public const string Name = "espec";

    /// <inheritdoc/>
    public override string Protocol => Name;

    /// <inheritdoc/>
    public override string Title => "ESPEC climate chamber, P300 or SCP-220 controller";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Full;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } = ["ambient_temperature_celsius", "set_temperature_celsius"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Texts { get; } = ["chamber_mode"];

    /// <inheritdoc/>
    public override DeviceGuard Guard { get; } = new("the chamber's own over- and under-temperature alarms");

    /// <inheritdoc/>
    public override TimeSpan TimeToSafe => TimeSpan.FromSeconds(15);

    /// <inheritdoc/>
    public override bool RestHolds => true;

    /// <inheritdoc/>
    public override LineDefaults Line { get; } = new(9600);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } = new Dictionary<string, Func<ICaptureDecoder>>(StringComparer.Ordinal)
    {
        [Name] = () => new EspecDecoder(),
        [EspecDecoder.Name] = () => new EspecDecoder(),
    };

    internal override object? ReadSettings(JsonFields channel) => new EspecSettings(channel.Has("address") ? (int)channel.Number("address", 1, 1, 16) : null);

    /// <inheritdoc/>
    public override string? Fault(Step step, ChannelConfig config) =>
        step.Kind != Step.Types.Kind.Temperature ? $"a chamber cannot do {step.Kind}; TEMPERATURE and REST are what it does"
        : double.IsFinite(step.Celsius) ? null : "celsius must be a number";

    /// <inheritdoc/>
    public override async Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) => await EspecSession.ConnectAsync(setup, cancel);
}
