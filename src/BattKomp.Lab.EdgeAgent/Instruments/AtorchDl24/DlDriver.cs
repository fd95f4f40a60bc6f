using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;

/// <summary>A channel's own settings.</summary>
/// <param name="Order">Which of 02 and 03 is the cut-off voltage on this very device.</param>
/// <param name="FromStream">Readings from the FF55 stream alone: for meters that do not speak PX-100; monitor only.</param>
public sealed record DlSettings(PxOrder Order, bool FromStream);

/// <summary>Atorch DL24 electronic load, and Atorch DC meters as monitors.</summary>
public sealed class DlDriver : LineDriver
{
    private const double MaxAmpere = 25, MaxVolt = 200, MaxSeconds = 65535;

    /// <inheritdoc/>
    public override string Protocol => "atorch-dl24";

    /// <inheritdoc/>
    public override string Title => "Atorch DL24 electronic load (PX-100, FF55)";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Full;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } =
        ["voltage_volt", "current_ampere", "step_cumulative_capacity_ah", "step_cumulative_energy_wh", "device_temperature_celsius"];

    /// <inheritdoc/>
    public override DeviceGuard Guard { get; } = new("cut-off voltage and time limit in the device");

    /// <inheritdoc/>
    public override TimeSpan TimeToSafe => TimeSpan.FromSeconds(3);

    /// <inheritdoc/>
    public override LineDefaults Line { get; } = new(9600);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } =
        new Dictionary<string, Func<ICaptureDecoder>> { ["atorch-ff55"] = () => new DlCapture(), ["atorch-dl24"] = () => new DlCapture() };

    /// <inheritdoc/>
    internal override object ReadSettings(JsonFields channel)
    {
        var order = channel.Text("px100_order");
        if (order is not ("" or "standard" or "swapped"))
            channel.Mistake("px100_order", $"is \"{order}\"; standard (02 sets the cut-off voltage) or swapped (03 sets it) is needed: README.md says how to find out");
        var source = channel.Text("source", "px100");
        if (source is not ("px100" or "stream"))
            channel.Mistake("source", $"is \"{source}\"; px100 or stream is needed");
        return new DlSettings(order switch { "standard" => PxOrder.Standard, "swapped" => PxOrder.Swapped, _ => PxOrder.Unknown }, source == "stream");
    }

    /// <inheritdoc/>
    public override string? Fault(Step step, ChannelConfig config)
    {
        var settings = SettingsOf(config);
        return settings.FromStream ? "source is stream: the channel only measures; set source to px100"
            : settings.Order == PxOrder.Unknown ? "px100_order is not configured, and a wrong guess would set the cut-off voltage as a current; set it to standard or swapped"
            : step.Kind != Step.Types.Kind.CcDischarge ? $"the DL24 cannot do {step.Kind}; use CC_DISCHARGE"
            : Hundredths(step.Ampere, MaxAmpere, "ampere", "A") ?? Hundredths(step.Volt, MaxVolt, "volt", "V")
            ?? (step.MaxSeconds <= MaxSeconds ? null : $"max_seconds is {step.MaxSeconds}; the device's own limit is {MaxSeconds} s: split the step");
    }

    /// <inheritdoc/>
    public override Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) => SettingsOf(setup.Config) is { FromStream: false } settings
        ? PolledSession.ConnectAsync(new DlSession(setup, settings.Order), cancel)
        : DlStreamSession.ConnectAsync(setup, cancel);

    private static DlSettings SettingsOf(ChannelConfig config) => config.Settings as DlSettings ?? new DlSettings(PxOrder.Unknown, false);

    private static string? Hundredths(double value, double highest, string field, string unit)
    {
        var scaled = value * 100;
        return double.IsFinite(scaled) && Math.Abs(scaled - Math.Round(scaled)) < 1e-6 && scaled > 0.5 && value <= highest + 1e-9
            ? null
            : $"{field} is {value}; the device takes 0.01 to {highest} {unit} in steps of 0.01";
    }
}
