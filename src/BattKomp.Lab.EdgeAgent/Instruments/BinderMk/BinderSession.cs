using BattKomp.Lab.EdgeAgent.Instruments.Modbus;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.BinderMk;

/// <summary>One connection to a Binder chamber. Writes the two set points and the mode, and nothing else.</summary>
public sealed class BinderSession : PolledSession, IPoweredSession
{
    private const double SetTolerance = 0.05;
    private const int Attempts = 3;
    private readonly ModbusLine _modbus;
    private volatile State? _state;

    internal BinderSession(SessionSetup setup, ModbusLine modbus)
        : base(setup, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4)) => _modbus = modbus;

    /// <inheritdoc/>
    public override string Identity => $"Binder MB controller unit {_modbus.Unit}";

    /// <inheritdoc/>
    public bool EndsSteps => false;

    /// <inheritdoc/>
    public bool Holds(Step step) => _state is { Mode: BinderRegisters.Manual } now && Math.Abs(now.SetPoint - step.Celsius) <= SetTolerance;

    /// <inheritdoc/>
    public async Task<string?> BeginAsync(Step step, CancellationToken cancel)
    {
        try
        {
            // Both set points before the mode: the chamber must never be active on a set point of somebody's last test.
            var words = BinderRegisters.Words((float)step.Celsius);
            foreach (var register in new[] { BinderRegisters.ManualSetPoint, BinderRegisters.BasicSetPoint })
            {
                await _modbus.WriteAsync(register, words, cancel);
                if (!(await _modbus.ReadAsync(register, 2, cancel)).SequenceEqual(words))
                    return $"set_refused: register {register:X4} does not hold {step.Celsius} °C";
            }
            await _modbus.WriteAsync(BinderRegisters.Mode, BinderRegisters.Manual, cancel);
            if ((await _modbus.ReadAsync(BinderRegisters.Mode, 1, cancel))[0] != BinderRegisters.Manual)
                return "set_refused: the chamber does not go to manual mode";
            var shown = await Feed.WaitAsync(_ => Holds(step), TimeSpan.FromSeconds(3), cancel);
            return shown is null ? $"set_refused: the set point in force is {_state?.SetPoint} °C, not {step.Celsius} °C" : null;
        }
        catch (ModbusRefusedException e)
        {
            return $"set_refused: {e.Message}";
        }
    }

    /// <inheritdoc/>
    public async Task<bool> OffAsync(CancellationToken cancel)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            await _modbus.WriteAsync(BinderRegisters.Mode, BinderRegisters.Idle, cancel);
            if ((await _modbus.ReadAsync(BinderRegisters.Mode, 1, cancel))[0] == BinderRegisters.Idle)
                return true;
        }
        return false;
    }

    /// <inheritdoc/>
    public Task KeepAliveAsync(TimeSpan intoStep, CancellationToken cancel) => Task.CompletedTask;

    /// <inheritdoc/>
    protected override async Task IdentifyAsync(CancellationToken cancel)
    {
        var measured = await FloatAsync(BinderRegisters.Measured, cancel);
        if (!(measured is > -150 and < 400))
            throw new IOException($"Unit {_modbus.Unit} answers, but not as a Binder chamber: its temperature reads {measured}.");
    }

    /// <inheritdoc/>
    protected override async Task<Reading> PollAsync(CancellationToken cancel)
    {
        var measured = await FloatAsync(BinderRegisters.Measured, cancel);
        var setPoint = await FloatAsync(BinderRegisters.SetPoint, cancel);
        var mode = (await _modbus.ReadAsync(BinderRegisters.Mode, 1, cancel))[0];
        var door = ((await _modbus.ReadAsync(BinderRegisters.Door, 1, cancel))[0] & 1) != 0;
        var block = await _modbus.ReadAsync(BinderRegisters.Text, BinderRegisters.Note - BinderRegisters.Text + 1, cancel);
        var text = BinderRegisters.TextOf(block.Take(BinderRegisters.TextLength));
        var alarm = block[BinderRegisters.Alarm - BinderRegisters.Text] != 0;
        _state = new State(mode, setPoint);
        return new Reading([measured, setPoint, door ? 1 : 0], [BinderRegisters.ModeOf(mode), text])
        {
            Output = mode == BinderRegisters.Idle ? OutputState.Off : OutputState.On,
            Celsius = measured,
            DeviceAlarm = alarm ? $"alarm: {text}" : door ? "door open" : "",
        };
    }

    /// <inheritdoc/>
    protected override ValueTask CloseAsync() => _modbus.DisposeAsync();

    private async Task<double> FloatAsync(int register, CancellationToken cancel)
    {
        var words = await _modbus.ReadAsync(register, 2, cancel);
        return Math.Round((double)BinderRegisters.Float(words[0], words[1]), 3);
    }

    private sealed record State(ushort Mode, double SetPoint);
}
