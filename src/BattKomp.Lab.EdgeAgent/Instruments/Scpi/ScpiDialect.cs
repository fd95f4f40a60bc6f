namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>What a reply holds.</summary>
public enum ReplyKind
{
    /// <summary>A number, perhaps with unit and echo.</summary>
    Number,

    /// <summary>On or off.</summary>
    Flag,

    /// <summary>Words, as they are.</summary>
    Text,

    /// <summary>Maker, model, serial number, firmware.</summary>
    Identity,

    /// <summary>An entry of the error queue.</summary>
    Error,

    /// <summary>Mode letter of a load.</summary>
    LoadMode,

    /// <summary>Numbers divided by commas.</summary>
    Numbers,
}

/// <summary>The words of one family of instruments, for reading captures: header without its question mark → name of the value and kind.</summary>
/// <param name="Words">Headers in the short form of <see cref="ScpiText.Header"/>.</param>
/// <param name="Acknowledges">True when settings are answered with OK or an error code.</param>
public sealed record ScpiDialect(IReadOnlyDictionary<string, (string Field, ReplyKind Kind)> Words, bool Acknowledges = false)
{
    /// <summary>SCPI-1999 supplies: Kepco BOP, EA PS/PSB, ITECH, Keysight.</summary>
    public static ScpiDialect Scpi { get; } = new(new Dictionary<string, (string, ReplyKind)>(StringComparer.Ordinal)
    {
        ["*IDN"] = ("idn", ReplyKind.Identity),
        ["*OPC"] = ("operation_complete", ReplyKind.Flag),
        ["*STB"] = ("status_byte", ReplyKind.Number),
        ["*ESR"] = ("event_status", ReplyKind.Number),
        ["*TST"] = ("self_test", ReplyKind.Number),
        ["DIAG:TST"] = ("self_test", ReplyKind.Number),
        ["MEAS:VOLT"] = ("voltage_v", ReplyKind.Number),
        ["MEAS:CURR"] = ("current_a", ReplyKind.Number),
        ["MEAS:POW"] = ("power_w", ReplyKind.Number),
        ["MEAS:ARR"] = ("measured", ReplyKind.Numbers),
        ["VOLT"] = ("voltage_setpoint_v", ReplyKind.Number),
        ["CURR"] = ("current_setpoint_a", ReplyKind.Number),
        ["POW"] = ("power_setpoint_w", ReplyKind.Number),
        ["VOLT:PROT"] = ("ovp_v", ReplyKind.Number),
        ["CURR:PROT"] = ("ocp_a", ReplyKind.Number),
        ["OUTP"] = ("output", ReplyKind.Flag),
        ["INP"] = ("input", ReplyKind.Flag),
        ["FUNC:MODE"] = ("operating_mode", ReplyKind.Text),
        ["FUNC"] = ("operating_mode", ReplyKind.Text),
        ["OUTP:PROT:WDOG"] = ("watchdog", ReplyKind.Flag),
        ["OUTP:PROT:WDOG:DEL"] = ("watchdog_s", ReplyKind.Number),
        ["SYST:ERR"] = ("error", ReplyKind.Error),
        ["SYST:LOCK"] = ("remote", ReplyKind.Text),
        ["SYST:LOCK:OWN"] = ("remote", ReplyKind.Text),
        ["SYST:VERS"] = ("scpi_version", ReplyKind.Text),
    });

    /// <summary>Aim-TTi LD400P: echoes headers and prints units.</summary>
    public static ScpiDialect AimTti { get; } = new(new Dictionary<string, (string, ReplyKind)>(StringComparer.Ordinal)
    {
        ["*IDN"] = ("idn", ReplyKind.Identity),
        ["V"] = ("voltage_v", ReplyKind.Number),
        ["I"] = ("current_a", ReplyKind.Number),
        ["A"] = ("level_a", ReplyKind.Number),
        ["B"] = ("level_b", ReplyKind.Number),
        ["DROP"] = ("dropout_v", ReplyKind.Number),
        ["INP"] = ("input_enabled", ReplyKind.Flag),
        ["MODE"] = ("mode", ReplyKind.LoadMode),
        ["LVLSEL"] = ("level_select", ReplyKind.Text),
        ["EER"] = ("execution_error", ReplyKind.Number),
        ["QER"] = ("query_error", ReplyKind.Number),
    });

    /// <summary>TDK-Lambda GENESYS, its own ASCII language: settings are answered with OK.</summary>
    public static ScpiDialect Genesys { get; } = new(new Dictionary<string, (string, ReplyKind)>(StringComparer.Ordinal)
    {
        ["ADR"] = ("addressed", ReplyKind.Number),
        ["IDN"] = ("idn", ReplyKind.Identity),
        ["REV"] = ("revision", ReplyKind.Text),
        ["SN"] = ("serial", ReplyKind.Text),
        ["DATE"] = ("date", ReplyKind.Text),
        ["RMT"] = ("remote", ReplyKind.Text),
        ["MDAV"] = ("multidrop", ReplyKind.Flag),
        ["MS"] = ("master_slave", ReplyKind.Text),
        ["PV"] = ("voltage_setpoint_v", ReplyKind.Number),
        ["MV"] = ("voltage_v", ReplyKind.Number),
        ["PC"] = ("current_setpoint_a", ReplyKind.Number),
        ["MC"] = ("current_a", ReplyKind.Number),
        ["MODE"] = ("mode", ReplyKind.Text),
        ["DVC"] = ("display", ReplyKind.Numbers),
        ["STT"] = ("status", ReplyKind.Text),
        ["OUT"] = ("output", ReplyKind.Flag),
        ["OVP"] = ("ovp_v", ReplyKind.Number),
        ["UVL"] = ("uvl_v", ReplyKind.Number),
        ["FLD"] = ("foldback", ReplyKind.Flag),
        ["FBD"] = ("foldback_delay", ReplyKind.Number),
        ["AST"] = ("auto_restart", ReplyKind.Flag),
        ["FILTER"] = ("filter_hz", ReplyKind.Number),
        ["FLT"] = ("fault_register", ReplyKind.Text),
    }, Acknowledges: true);
}
