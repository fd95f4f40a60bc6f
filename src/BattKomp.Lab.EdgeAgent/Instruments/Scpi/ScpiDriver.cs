using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>Bidirectional supplies, supplies and loads that speak lines of ASCII; their differences are profiles.</summary>
public sealed class ScpiDriver : LineDriver
{
    /// <summary>Protocol name, as the catalogue spells it.</summary>
    public const string Name = "scpi";

    /// <inheritdoc/>
    public override string Protocol => Name;

    /// <inheritdoc/>
    public override string Title => $"SCPI or ASCII supply or load; profiles {string.Join(", ", ScpiProfiles.BuiltIn.Keys.Order(StringComparer.Ordinal))}";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Full;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } = ["voltage_volt", "current_ampere", "power_watt"];

    /// <inheritdoc/>
    public override TimeSpan TimeToSafe => TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public override LineDefaults Line { get; } = new(9600);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } = new Dictionary<string, Func<ICaptureDecoder>>(StringComparer.Ordinal)
    {
        [Name] = () => new ScpiDecoder(ScpiDialect.Scpi),
        ["scpi-kepco-bop"] = () => new ScpiDecoder(ScpiDialect.Scpi),
        ["ascii-aimtti-ld400p"] = () => new ScpiDecoder(ScpiDialect.AimTti),
        ["ascii-tdk-genesys"] = () => new ScpiDecoder(ScpiDialect.Genesys),
    };

    internal override object? ReadSettings(JsonFields channel) => ScpiSettings.Read(channel);

    /// <inheritdoc/>
    public override DeviceGuard GuardOf(ChannelConfig config) => (config.Settings as ScpiSettings)?.Profile.Watchdog is { } watchdog
        ? new DeviceGuard($"communication watchdog, {watchdog.Seconds:0.#} s", TimeSpan.FromSeconds(watchdog.Seconds))
        : DeviceGuard.None;

    /// <inheritdoc/>
    public override string? Fault(Step step, ChannelConfig config) => ProfileOf(config).Fault(step);

    /// <inheritdoc/>
    public override async Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) =>
        await ScpiSession.ConnectAsync(setup, ProfileOf(setup.Config), cancel);

    private static ScpiProfile ProfileOf(ChannelConfig config) =>
        (config.Settings as ScpiSettings ?? throw new InvalidOperationException("The configuration reader lets no scpi channel pass without a profile.")).Profile;
}
