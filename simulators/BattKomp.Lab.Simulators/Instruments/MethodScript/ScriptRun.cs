using System.Text;

namespace BattKomp.Lab.Simulators.Instruments.MethodScript;

/// <summary>A script being run in lab time. What it says is given as lines; on_finished is always run.</summary>
public sealed class ScriptRun
{
    private const int MostInstructions = 10_000; // between two points in time: a script cannot wait for ever without waiting
    private readonly Script _script;
    private readonly ElectrodeStage _stage;
    private readonly Action<string> _say;
    private readonly Dictionary<string, (string Type, double Value, string Suffix)> _variables = [];
    private readonly StringBuilder _package = new();
    private MeasureLoop? _loop;
    private double _timerAt;
    private int _at;
    private bool _finishing;

    /// <summary>Begins a run.</summary>
    /// <param name="script">The script.</param>
    /// <param name="stage">The power stage.</param>
    /// <param name="seconds">Lab seconds now.</param>
    /// <param name="say">Takes each line that is sent.</param>
    public ScriptRun(Script script, ElectrodeStage stage, double seconds, Action<string> say)
    {
        (_script, _stage, _say) = (script, stage, say);
        (WakeSeconds, _timerAt) = (seconds, seconds);
    }

    /// <summary>The lab second of its next doing.</summary>
    public double WakeSeconds { get; private set; }

    /// <summary>Whether it has ended.</summary>
    public bool Ended { get; private set; }

    /// <summary>Does what is due at <see cref="WakeSeconds"/>, up to the next time that it waits for.</summary>
    public void Go()
    {
        var wake = WakeSeconds;
        for (var i = 0; !Ended && WakeSeconds <= wake; i++)
        {
            if (i == MostInstructions) Fail("400C");
            else if (_loop is { Due: true } loop) Measure(loop);
            else if (_at >= _script.Instructions.Count) Finish();
            else Do(_script.Instructions[_at++]);
        }
    }

    /// <summary>Breaks off: on_finished is run at once.</summary>
    public void Abort()
    {
        if (_loop is not null) _say("*");
        (_loop, _at) = (null, _script.Instructions.Count);
        Finish();
        while (!Ended && _finishing && _at < _script.Instructions.Count) Do(_script.Instructions[_at++]);
        End();
    }

    private void Finish()
    {
        if (_finishing || _script.Finish >= _script.Instructions.Count) End();
        else (_finishing, _at) = (true, _script.Finish);
    }

    private void End()
    {
        if (!Ended) _say("");
        Ended = true;
    }

    private void Fail(string code)
    {
        _say($"!{code}: Line {(_at > 0 ? _script.Instructions[Math.Min(_at, _script.Instructions.Count) - 1].Line : 1)}");
        Abort();
    }

    private void Do(Instruction one)
    {
        var a = one.Arguments;
        switch (one.Operation)
        {
            case "on_finished:": Finish(); break;
            case "store_var": Store(a[0], Value(a[1]), a.Length > 2 ? a[2] : "aa"); break;
            case "cell_on": _stage.On = true; break;
            case "cell_off": _stage.On = false; break;
            case "set_e": _stage.HoldPotential(Value(a[0])); break;
            case "set_i": _stage.HoldCurrent(Value(a[0])); break;
            case "wait": WakeSeconds += Math.Max(0, Value(a[0])); break;
            case "timer_start": _timerAt = WakeSeconds; break;
            case "timer_get": Store(a[0], WakeSeconds - _timerAt, "eb"); break;
            case "send_string": _say("T" + string.Join(' ', a).Trim('"')); break;
            case "pck_start": _package.Clear().Append('P'); break;
            case "pck_add": Add(a[0]); break;
            case "pck_end": _say(_package.ToString()); break;
            case "if" when !Holds(a): _at = one.End + 1; break;
            case "breakloop": BreakLoop(); break;
            case "abort": Abort(); break;
            case "endloop": Next(); break;
            case var loop when loop.StartsWith("meas_loop", StringComparison.Ordinal): Begin(one); break;
        }
    }

    private void Begin(Instruction one)
    {
        var a = one.Arguments;
        double Arg(int i) => Value(a[i]);
        _loop = one.Operation switch
        {
            "meas_loop_ocp" => MeasureLoop.Timed(one, 'B', WakeSeconds, Arg(1), Arg(2)),
            "meas_loop_ca" => MeasureLoop.Timed(one, '7', WakeSeconds, Arg(3), Arg(4)),
            "meas_loop_cp" => MeasureLoop.Timed(one, 'A', WakeSeconds, Arg(3), Arg(4)),
            "meas_loop_lsv" => MeasureLoop.Sweep(one, WakeSeconds, Arg(2), Arg(3), Arg(4), Arg(5)),
            "meas_loop_eis" => MeasureLoop.Frequencies(one, 'D', WakeSeconds, Arg(4), Arg(5), Arg(6)),
            _ => MeasureLoop.Frequencies(one, 'E', WakeSeconds, Arg(4), Arg(5), Arg(6)),
        };
        if (_loop is null)
        {
            Fail("4002");
            return;
        }
        switch (one.Operation)
        {
            case "meas_loop_ocp": _stage.On = false; break;
            case "meas_loop_ca": _stage.HoldPotential(Arg(2)); break;
            case "meas_loop_cp": _stage.HoldCurrent(Arg(2)); break;
            case "meas_loop_lsv": _stage.HoldPotential(Arg(2)); break;
        }
        _say($"M000{_loop.Technique}");
        WakeSeconds = _loop.NextSeconds;
    }

    private void Measure(MeasureLoop loop)
    {
        var a = loop.Start.Arguments;
        var status = _stage.Overloaded ? ",12,288" : ",10,288";
        if (loop.Technique is 'D' or 'E')
        {
            var impedance = _stage.Impedance(loop.Value);
            Store(a[0], loop.Value, "dc");
            Store(a[1], impedance.Real, "cc", status);
            Store(a[2], impedance.Imaginary, "cd", status);
        }
        else
        {
            Store(a[0], loop.Technique is '7' or '0' ? _stage.Potential ?? _stage.Volt : _stage.Volt, loop.Technique is '7' or '0' ? "da" : "ab");
            if (loop.Technique != 'B') Store(a[1], _stage.Ampere, "ba", status);
        }
        _at = _script.Instructions[loop.Start.End].Begin + 1;
        loop.Measured();
        if (loop.Technique == '0' && loop.More) _stage.HoldPotential(loop.Value);
    }

    private void Next()
    {
        if (_loop is { More: true } loop)
        {
            WakeSeconds = Math.Max(WakeSeconds, loop.NextSeconds);
            loop.Due = true;
            return;
        }
        _say("*");
        _loop = null;
    }

    private void BreakLoop()
    {
        if (_loop is null) return;
        _at = _loop.Start.End + 1;
        _say("*");
        _loop = null;
    }

    private bool Holds(string[] a)
    {
        var (left, right) = (Value(a[0]), Value(a[2]));
        return a[1] switch { "<" => left < right, ">" => left > right, "<=" => left <= right, ">=" => left >= right, "==" => left == right, _ => left != right };
    }

    private void Add(string name)
    {
        if (_package.Length > 1) _package.Append(';');
        var (type, value, suffix) = Variable(name);
        _package.Append(type).Append(ScriptNumbers.Package(value)).Append(suffix);
    }

    private void Store(string name, double value, string type, string suffix = "") => _variables[name] = (type, value, suffix);

    private double Value(string text) => ScriptNumbers.Parse(text) ?? Variable(text).Value;

    private (string Type, double Value, string Suffix) Variable(string name) => _variables.GetValueOrDefault(name, ("aa", double.NaN, ""));
}
