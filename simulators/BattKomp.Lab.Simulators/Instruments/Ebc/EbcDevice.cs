using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;

namespace BattKomp.Lab.Simulators.Instruments.Ebc;

/// <summary>What the device was last set to do.</summary>
public enum EbcMode
{
    /// <summary>Constant-current discharge.</summary>
    ConstantCurrent = 0,

    /// <summary>Constant-power discharge.</summary>
    ConstantPower = 1,

    /// <summary>Charge at constant current, then constant voltage.</summary>
    ConstantVoltage = 2,
}

/// <summary>Whether the device is doing it.</summary>
public enum EbcPhase
{
    /// <summary>Not running.</summary>
    Idle = 0,

    /// <summary>Current flows.</summary>
    Active = 10,

    /// <summary>Ended by its own cut-off or time limit.</summary>
    Finished = 20,
}

/// <summary>
/// The EBC-A20 without its line: commands in, reports out, time handed in as lab seconds since switch-on. The time limit
/// is kept by the device's own clock in lab minutes; the host's minute sync is only noted.
/// </summary>
public sealed class EbcDevice : ISimulatedDevice, ICellLoad
{
    private const double ReportSeconds = 0.1;
    private const byte ModelA20 = 0x09;
    private const int FirmwareVersion = 302;
    private const double FirmwareReportSeconds = 15;
    private const int FewestFirmwareReports = 5;
    private const double PulseSeconds = 1;

    private double _ranSeconds;
    private double _ranAh;
    private double _connectedAt = double.NegativeInfinity;
    private int _firmwareReports = FewestFirmwareReports;
    private bool _firmwareNext;
    private readonly MeasurementNoise _noise;
    private readonly DeviceFaults _faults;
    private readonly CellTap _tap;
    private readonly EbcCommandReader _commands = new();
    private EbcPulse? _pulse;
    private double? _pulsing;

    /// <summary>Puts the device on a cell.</summary>
    public EbcDevice(SharedCell cell, MeasurementNoise noise, DeviceFaults? faults = null, Func<ICellLoad, CellTap>? attach = null)
    {
        (Cell, _noise, _faults) = (cell, noise, faults ?? DeviceFaults.None);
        _tap = attach?.Invoke(this) ?? cell.Attach(this);
    }

    /// <summary>Makes one from a configuration.</summary>
    public static EbcDevice Build(DeviceContext context) => new(context.Cell, context.Noise, context.Faults, context.Attach);

    /// <inheritdoc/>
    public WireFormat Wire { get; } = new() { BytesPerSecond = Serial.LinePace.BytesPerSecond9600E, ChecksumFromEnd = 2 };

    /// <summary>The cell on the clamps.</summary>
    public SharedCell Cell { get; }

    /// <summary>What the device was last set to do.</summary>
    public EbcMode Mode { get; private set; }

    /// <summary>Whether it is doing it.</summary>
    public EbcPhase Phase { get; private set; }

    /// <summary>True between connect and disconnect.</summary>
    public bool Connected { get; private set; }

    /// <summary>True when the host's last order was to stop.</summary>
    public bool Stopped { get; private set; }

    /// <summary>The three numbers of the last start, adjust or resume.</summary>
    public EbcSettings Settings { get; private set; }

    /// <summary>The host's last minute sync.</summary>
    public int SyncedMinutes { get; private set; }

    /// <summary>Commands that the device knows and accepted.</summary>
    public long Accepted { get; private set; }

    /// <summary>Commands that the device does not know, or whose numbers it cannot do.</summary>
    public long Refused { get; private set; }

    /// <summary>Lab seconds since switch-on.</summary>
    public double Seconds => Cell.Seconds;

    /// <inheritdoc/>
    public double NextReportSeconds { get; private set; }

    /// <summary>Takes one command payload (7 bytes). Nothing is answered; the reports change.</summary>
    public void Take(ReadOnlySpan<byte> payload)
    {
        var settings = new EbcSettings(EbcWire.Number(payload[1..]), EbcWire.Number(payload[3..]), EbcWire.Number(payload[5..]));
        if (Obey(payload[0], settings)) Accepted++;
        else Refused++;
    }

    /// <inheritdoc/>
    public void AdvanceTo(double seconds) => Cell.AdvanceTo(seconds);

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Receive(ReadOnlySpan<byte> bytes)
    {
        foreach (var payload in _commands.Take(bytes.ToArray())) Take(payload);
        return [];
    }

    /// <inheritdoc/>
    public byte[] TakeReport()
    {
        NextReportSeconds = (Math.Floor(Seconds / ReportSeconds + 1e-9) + 1) * ReportSeconds;
        return EbcWire.Frame(NextReport());
    }

    /// <inheritdoc/>
    public void Reboot()
    {
        Disconnect();
        (Mode, Phase, Stopped, Settings) = (EbcMode.ConstantCurrent, EbcPhase.Idle, false, default);
        (_ranSeconds, _ranAh, _pulse, SyncedMinutes) = (0, 0, null, 0);
    }

    /// <inheritdoc/>
    public DeviceReading Read() => new(Phase switch { EbcPhase.Active => "running", EbcPhase.Finished => "finished", _ => "idle" })
    {
        Stopped = Stopped,
        Commands = Accepted,
        Refused = Refused,
        ChargeMah = Cell.ChargeAh * 1000,
        DischargeMah = Cell.DischargeAh * 1000,
        Ampere = _tap.Ampere,
    };

    /// <summary>The payload (16 bytes) of the next report.</summary>
    public byte[] NextReport()
    {
        _firmwareNext = !_firmwareNext && FirmwareDue();
        var payload = new byte[EbcWire.ReportLength - 3];
        payload[0] = (byte)((int)Mode + (int)Phase);
        Measure(payload);
        if (_firmwareNext) FirmwareFields(payload);
        else SettingFields(payload);
        payload[15] = ModelA20;
        _pulse = null;
        return payload;
    }

    private bool Obey(byte code, EbcSettings settings) => code switch
    {
        0x05 => Connect(),
        0x06 => Disconnect(),
        0x02 => Stop(),
        0x01 or 0x11 or 0x21 => Run(ModeOf(code), settings, afresh: true),
        0x08 or 0x18 or 0x28 => Run(ModeOf(code), settings, afresh: false),
        0x07 or 0x17 or 0x27 => Phase == EbcPhase.Active && Mode == ModeOf(code) && Run(Mode, settings, afresh: false),
        0x09 => Pulse(settings.First),
        0x0A => Sync(settings.First),
        0x04 => true, // calibration of a simulated instrument: heard, nothing to adjust
        _ => false,
    };

    private static EbcMode ModeOf(byte code) => (EbcMode)(code >> 4);

    private bool Connect()
    {
        Connected = true;
        _connectedAt = Seconds;
        _firmwareReports = 0;
        return true;
    }

    private bool Disconnect()
    {
        Connected = false;
        _firmwareReports = FewestFirmwareReports;
        _connectedAt = double.NegativeInfinity;
        return true;
    }

    private bool Stop()
    {
        Phase = EbcPhase.Idle;
        Stopped = true;
        return true;
    }

    private bool Run(EbcMode mode, EbcSettings settings, bool afresh)
    {
        if (!settings.Possible(mode)) return false;
        if (afresh || mode != Mode) (_ranSeconds, _ranAh) = (0, 0);
        (Mode, Settings, Phase, Stopped) = (mode, settings, EbcPhase.Active, false);
        return true;
    }

    private bool Sync(int minutes)
    {
        SyncedMinutes = minutes;
        return true;
    }

    private bool Pulse(int tensOfMilliampere)
    {
        if (tensOfMilliampere is < 1 or > 2000 || Phase == EbcPhase.Active) return false;
        _pulsing = -tensOfMilliampere / 100.0;
        Cell.AdvanceTo(Cell.Seconds + PulseSeconds);
        _pulse = new EbcPulse(Math.Abs(_tap.Ampere), Cell.Volt);
        _pulsing = null;
        return true;
    }

    CellDemand ICellLoad.Demand => (Phase, Mode) switch
    {
        _ when _pulsing is { } ampere => new CellDemand.Current(ampere),
        (not EbcPhase.Active, _) => new CellDemand.Rest(),
        (_, EbcMode.ConstantCurrent) => new CellDemand.Current(-Taken(Settings.First / 100.0)),
        (_, EbcMode.ConstantPower) => new CellDemand.DischargePower(Settings.First),
        _ => new CellDemand.Charge(Taken(Settings.First / 100.0), Settings.Second / 100.0),
    };

    private double Taken(double ampere) => _faults.Setpoint("ampere", ampere, Seconds);

    double ICellLoad.SecondsToEvent
    {
        get
        {
            var limited = Phase == EbcPhase.Active && Mode != EbcMode.ConstantVoltage && Settings.Third > 0;
            return limited ? Math.Max(Settings.Third * 60 - _ranSeconds, 1e-6) : double.PositiveInfinity;
        }
    }

    void ICellLoad.Carried(double ampere, double seconds)
    {
        if (Phase == EbcPhase.Active) Account(ampere, seconds);
    }

    private void Account(double ampere, double seconds)
    {
        _ranSeconds += seconds;
        _ranAh += Math.Abs(ampere) * seconds / 3600;
        var done = Mode == EbcMode.ConstantVoltage ? ChargeDone(ampere) : DischargeDone();
        if (done) Phase = EbcPhase.Finished;
    }

    private bool DischargeDone() =>
        Cell.Volt * 100 <= Settings.Second || (Settings.Third > 0 && _ranSeconds >= Settings.Third * 60 - 1e-6);

    private bool ChargeDone(double ampere) => ampere < Settings.First / 100.0 && ampere <= Settings.Third / 100.0;

    private bool FirmwareDue() => Phase != EbcPhase.Finished && Connected
        && (Seconds - _connectedAt < FirmwareReportSeconds || _firmwareReports < FewestFirmwareReports);

    private void Measure(Span<byte> payload)
    {
        // A stage that is stuck closed shows on the display: the meter sits behind it.
        var flows = Phase == EbcPhase.Active || _faults.StuckRelay(Seconds) ? _tap.Ampere : 0;
        var ampere = _pulse?.Ampere ?? Math.Abs(flows);
        var volt = _noise.Read(_pulse?.Volt ?? _tap.VoltAt(flows));
        EbcWire.Number(payload[1..], (int)Math.Round(_faults.Reading("ampere", ampere, Seconds) * 100));
        EbcWire.Number(payload[3..], (int)Math.Round(_faults.Reading("volt", volt, Seconds) * 1000));
        EbcWire.Number(payload[5..], (int)Math.Round(_faults.Reading("capacity", _ranAh, Seconds) * 1000));
    }

    // A firmware report replaces the three settings by the version and two constants that every capture shows.
    private void FirmwareFields(Span<byte> payload)
    {
        _firmwareReports++;
        payload[0] += 100;
        EbcWire.Number(payload[9..], FirmwareVersion);
        EbcWire.Number(payload[11..], 2988);
        EbcWire.Number(payload[13..], 2087);
    }

    private void SettingFields(Span<byte> payload)
    {
        EbcWire.Number(payload[9..], Settings.First);
        EbcWire.Number(payload[11..], Settings.Second);
        EbcWire.Number(payload[13..], Settings.Third);
    }

    private readonly record struct EbcPulse(double Ampere, double Volt);
}

/// <summary>The three numbers of a start command, as on the wire.</summary>
/// <param name="First">Current (10 mA), or power (W).</param>
/// <param name="Second">Cut-off voltage or charge voltage (10 mV).</param>
/// <param name="Third">Time limit (minutes, 0 = none), or cut-off current (10 mA).</param>
public readonly record struct EbcSettings(int First, int Second, int Third)
{
    /// <summary>Whether the instrument can do that: 20 A out, 5 A in, 30 V, 999 min.</summary>
    public bool Possible(EbcMode mode) => Second is >= 1 and <= 3000 && Third is >= 0 and <= 999 && mode switch
    {
        EbcMode.ConstantCurrent => First is >= 1 and <= 2000,
        EbcMode.ConstantPower => First is >= 1 and <= 999,
        _ => First is >= 1 and <= 500 && Third >= 1,
    };
}
