using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Sessions;

/// <summary>Whether current can flow, as the instrument itself last said.</summary>
public enum OutputState
{
    /// <summary>It has not said, or cannot say.</summary>
    Unknown,

    /// <summary>The output is off.</summary>
    Off,

    /// <summary>The output is on.</summary>
    On,

    /// <summary>Off because the step ended by the instrument's own cut-off or time limit.</summary>
    Finished,
}

/// <summary>What an instrument said once. Everything it says reaches the session's listener exactly once, in order.</summary>
/// <param name="Values">By the driver's <see cref="InstrumentDriver.Signals"/>; NaN = no value.</param>
/// <param name="Texts">By the driver's <see cref="InstrumentDriver.Texts"/>.</param>
public sealed record Reading(double[] Values, string[] Texts)
{
    /// <summary>GOOD unless the driver doubts it (wrong checksum over plausible data, implausible value).</summary>
    public Quality Quality { get; init; } = Quality.Good;

    /// <summary>Whether current can flow.</summary>
    public OutputState Output { get; init; }

    /// <summary>Voltage at the test object, V; NaN when not measured. Judged against limits.</summary>
    public double Volt { get; init; } = double.NaN;

    /// <summary>Current, A, positive charges; NaN when not measured. Judged against limits.</summary>
    public double Ampere { get; init; } = double.NaN;

    /// <summary>Temperature, °C; NaN when not measured. Judged against limits.</summary>
    public double Celsius { get; init; } = double.NaN;

    /// <summary>The instrument's own alarm or protection in words ("door open", "over-temperature"); empty when none.</summary>
    public string DeviceAlarm { get; init; } = "";
}

/// <summary>
/// One identified connection to one instrument, from connect to the first failure. Every wait has a deadline; any failure is an
/// <see cref="IOException"/>, after which the session is disposed and a new one made. It reads for as long as it lives, on its own.
/// </summary>
public interface IInstrumentSession : IAsyncDisposable
{
    /// <summary>What the instrument calls itself, serial number included where its protocol has one.</summary>
    string Identity { get; }

    /// <summary>The last reading; null before the first.</summary>
    Reading? Last { get; }

    /// <summary>The next reading that arrives from now on. Silence longer than the protocol allows is an <see cref="IOException"/>.</summary>
    Task<Reading> NextAsync(CancellationToken cancel);
}

/// <summary>A session with an instrument that can be told what to do.</summary>
public interface IPoweredSession : IInstrumentSession
{
    /// <summary>True when the device itself ends a step at its cut-off and shows it as <see cref="OutputState.Finished"/>; else the agent judges the cut-off on every reading.</summary>
    bool EndsSteps { get; }

    /// <summary>True when the instrument, by its own last word, holds exactly the settings of this step.</summary>
    bool Holds(Step step);

    /// <summary>What it holds by its own last word, for the person who reads why a run ended; empty when it does not say.</summary>
    string SetValues => "";

    /// <summary>
    /// Begins a step: device limits and time limit first, then the set point, read back and compared, then the output on and proved on. Returns null when
    /// proved, else the cause ("set_refused: …"); a cause leaves the output off or the caller switches it off. Never called for REST or LOOP.
    /// </summary>
    Task<string?> BeginAsync(Step step, CancellationToken cancel);

    /// <summary>Switches the output off, with repeats; true when the instrument itself shows that no current flows.</summary>
    Task<bool> OffAsync(CancellationToken cancel);

    /// <summary>Called for every reading while a step is energised: feeds the device's own watchdog or clock when it is due. Cheap when not.</summary>
    Task KeepAliveAsync(TimeSpan intoStep, CancellationToken cancel);
}
