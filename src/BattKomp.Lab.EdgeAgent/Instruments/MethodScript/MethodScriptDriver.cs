using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.MethodScript;

/// <summary>PalmSens potentiostats that speak MethodSCRIPT: EmStat Pico, EmStat4, Nexus.</summary>
public sealed class MethodScriptDriver : LineDriver
{
    /// <summary>Protocol name, as the catalogue spells it.</summary>
    public const string Name = "methodscript";

    /// <inheritdoc/>
    public override string Protocol => Name;

    /// <inheritdoc/>
    public override string Title => "PalmSens potentiostat with MethodSCRIPT (EmStat Pico, EmStat4, Nexus), impedance included";

    /// <inheritdoc/>
    public override ControlClass Control => ControlClass.Full;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Signals { get; } = ["voltage_volt", "current_ampere", "frequency_hertz", "real_impedance_ohm", "imaginary_impedance_ohm", "step_time_second"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Texts { get; } = ["status"];

    /// <inheritdoc/>
    public override DeviceGuard Guard { get; } = new("the script in the device: cut-off, duration, cell off at its end");

    /// <inheritdoc/>
    public override TimeSpan TimeToSafe => TimeSpan.FromSeconds(15);

    // A point of a sweep at the lowest frequencies takes up to an hour; called stuck too early, it would open every relay of the agent.
    /// <inheritdoc/>
    public override TimeSpan LongestSilence => TimeSpan.FromSeconds(3600 + 15);

    /// <inheritdoc/>
    public override LineDefaults Line { get; } = new(230400);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Func<ICaptureDecoder>> Decoders { get; } = new Dictionary<string, Func<ICaptureDecoder>>(StringComparer.Ordinal) { [Name] = () => new MethodScriptDecoder() };

    /// <inheritdoc/>
    public override string? Fault(Step step, ChannelConfig config) => ScriptBuilder.Fault(step);

    /// <inheritdoc/>
    public override async Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) => await MethodScriptSession.ConnectAsync(setup, cancel);
}
