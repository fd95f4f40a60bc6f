using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>What a session is made with.</summary>
/// <param name="Line">The open byte line; the session owns it.</param>
/// <param name="Config">The channel's configuration; <see cref="ChannelConfig.Settings"/> is what the driver read.</param>
/// <param name="OnReading">Gets every reading once, in order, on the session's own thread; must return at once.</param>
/// <param name="Machine">Deadlines.</param>
/// <param name="LabSpeed">Lab seconds per machine second; 1 on real hardware. A device's own time limits and poll intervals are in lab time.</param>
public sealed record SessionSetup(IInstrumentLine Line, ChannelConfig Config, Action<Reading> OnReading, TimeProvider Machine, double LabSpeed);

/// <summary>A driver of an instrument on a byte line (serial or TCP): it makes sessions, and one channel class runs them all.</summary>
public abstract class LineDriver : InstrumentDriver
{
    /// <summary>
    /// Identifies the instrument and starts reading. Throws <see cref="IOException"/> naming what did not answer or answered as another instrument; the line
    /// is then disposed. An <see cref="Sessions.IPoweredSession"/> where control is FULL.
    /// </summary>
    public abstract Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel);

    /// <inheritdoc/>
    public override ChannelDriver Channel(ChannelConfig config, AgentServices services) =>
        new LineChannel(this, config, () => services.OpenLine(config), services.Context);
}
