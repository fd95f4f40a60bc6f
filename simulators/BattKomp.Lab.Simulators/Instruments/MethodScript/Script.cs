namespace BattKomp.Lab.Simulators.Instruments.MethodScript;

/// <summary>One line of a script.</summary>
/// <param name="Operation">The command word.</param>
/// <param name="Arguments">What follows it.</param>
/// <param name="Line">Line number from 1.</param>
public sealed record Instruction(string Operation, string[] Arguments, int Line)
{
    /// <summary>Index of the matching end, of a loop or condition.</summary>
    public int End { get; set; } = -1;

    /// <summary>Index of the matching beginning, of an end.</summary>
    public int Begin { get; set; } = -1;
}

/// <summary>A script that the simulator can run: the commands of chronopotentiometry, chronoamperometry, sweeps, open circuit and impedance.</summary>
public sealed class Script
{
    private static readonly Dictionary<string, int> Fewest = new()
    {
        ["var"] = 1,
        ["store_var"] = 2,
        ["cell_on"] = 0,
        ["cell_off"] = 0,
        ["set_e"] = 1,
        ["set_i"] = 1,
        ["wait"] = 1,
        ["pck_start"] = 0,
        ["pck_add"] = 1,
        ["pck_end"] = 0,
        ["endloop"] = 0,
        ["endif"] = 0,
        ["if"] = 3,
        ["breakloop"] = 0,
        ["abort"] = 0,
        ["on_finished:"] = 0,
        ["timer_start"] = 0,
        ["timer_get"] = 1,
        ["send_string"] = 1,
        ["set_pgstat_chan"] = 1,
        ["set_pgstat_mode"] = 1,
        ["set_max_bandwidth"] = 1,
        ["set_range"] = 2,
        ["set_range_minmax"] = 3,
        ["set_autoranging"] = 3,
        ["meas_loop_ocp"] = 3,
        ["meas_loop_cp"] = 5,
        ["meas_loop_ca"] = 5,
        ["meas_loop_lsv"] = 6,
        ["meas_loop_eis"] = 8,
        ["meas_loop_geis"] = 8,
    };

    private Script(IReadOnlyList<Instruction> instructions, int finish) => (Instructions, Finish) = (instructions, finish);

    /// <summary>The instructions.</summary>
    public IReadOnlyList<Instruction> Instructions { get; }

    /// <summary>Where what must always be done at the end begins; the count when there is none.</summary>
    public int Finish { get; }

    /// <summary>Reads a script; an error text such as <c>4001: Line 2, Col 1</c> when it cannot run.</summary>
    public static (Script? Script, string? Error) Parse(IReadOnlyList<string> lines)
    {
        var instructions = new List<Instruction>();
        var open = new Stack<int>();
        var finish = -1;
        for (var i = 0; i < lines.Count; i++)
        {
            var words = lines[i].Split('#')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0) continue;
            var one = new Instruction(words[0], words[1..], i + 1);
            if (!Fewest.TryGetValue(one.Operation, out var fewest)) return Wrong("4001", one);
            if (one.Arguments.Length < fewest) return Wrong("4002", one);
            if (one.Operation == "on_finished:") finish = instructions.Count + 1;
            if (one.Operation.StartsWith("meas_loop", StringComparison.Ordinal) || one.Operation == "if") open.Push(instructions.Count);
            if (one.Operation is "endloop" or "endif" && !Close(instructions, open, one)) return Wrong("4004", one);
            instructions.Add(one);
        }
        return open.Count > 0 ? Wrong("4004", instructions[open.Peek()]) : (new Script(instructions, finish < 0 ? instructions.Count : finish), null);
    }

    private static bool Close(List<Instruction> instructions, Stack<int> open, Instruction end)
    {
        if (!open.TryPop(out var begin)) return false;
        instructions[begin].End = instructions.Count;
        end.Begin = begin;
        return instructions[begin].Operation == "if" == (end.Operation == "endif");
    }

    private static (Script? Script, string? Error) Wrong(string code, Instruction at) => (null, $"{code}: Line {at.Line}, Col 1");
}
