using BattKomp.Lab.Server.Features.Procedures;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.Server.Procedures;

public sealed class ProcedureTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_identical_program_keeps_its_version_and_another_gets_the_next()
    {
        await using var lab = await TestLab.StartAsync();
        var procedures = new ProcedureService.ProcedureServiceClient(lab.As(TestSeed.DoctoralStudent));
        var first = await procedures.CreateProcedureAsync(Programs.Create("ageing", Programs.Cycle()), cancellationToken: Cancel);
        var same = await procedures.CreateProcedureAsync(Programs.Create("ageing", Programs.Cycle()), cancellationToken: Cancel);
        var other = await procedures.CreateProcedureAsync(Programs.Create("ageing", Programs.Cycle(repeat: 5)), cancellationToken: Cancel);

        Assert.Equal("procedures/ageing/versions/1", first.Name);
        Assert.Equal(first, same);
        Assert.Equal("procedures/ageing/versions/2", other.Name);
        Assert.NotEqual(first.Sha256, other.Sha256);
        Assert.Equal(first, await procedures.GetProcedureAsync(new GetProcedureRequest { Name = first.Name }, cancellationToken: Cancel));
    }

    [Fact]
    public async Task Every_mistake_of_a_program_is_told_at_once_with_its_field()
    {
        await using var lab = await TestLab.StartAsync();
        var procedures = new ProcedureService.ProcedureServiceClient(lab.As(TestSeed.Teacher));
        var program = new BattKomp.Lab.V1.Program();
        program.Steps.Add(new Step { Kind = Kind.CcDischarge, Ampere = -1, Volt = 2.5, MaxSeconds = double.PositiveInfinity });
        program.Steps.Add(new Step { Kind = Kind.Rest });
        program.Steps.Add(new Step { Kind = Kind.Loop, GotoStep = 3, Repeat = 0 });
        program.Steps.Add(new Step { Kind = Kind.CccvCharge, Ampere = 1, Volt = 4.2, CutoffAmpere = 2, MaxSeconds = 10 });
        program.Vendor = new VendorProgram { FileName = "../a", Sha256 = "no" };

        var refused = await Refused.WithAsync(Reason.FieldsInvalid,
            () => procedures.CreateProcedureAsync(Programs.Create("bad", program), cancellationToken: Cancel).ResponseAsync);

        Assert.Equal(
            [
                "procedure.program", "procedure.program.vendor.file_name", "procedure.program.vendor.sha256",
                "procedure.program.steps[0].ampere", "procedure.program.steps[0].max_seconds", "procedure.program.steps[0].max_seconds", "procedure.program.steps[1].max_seconds",
                "procedure.program.steps[2].goto_step", "procedure.program.steps[2].repeat", "procedure.program.steps[3].cutoff_ampere",
            ], refused.Fields());
    }

    [Fact]
    public async Task Every_kind_of_step_is_taken_with_what_it_needs()
    {
        await using var lab = await TestLab.StartAsync();
        var procedures = new ProcedureService.ProcedureServiceClient(lab.As(TestSeed.Teacher));
        var program = new BattKomp.Lab.V1.Program
        {
            Steps =
            {
                new Step { Kind = Kind.Temperature, Celsius = 45, MaxSeconds = 3600, Until = { new Until { Signal = "temperature_t1_celsius", Comparison = Until.Types.Comparison.AtLeast, Limit = 44.5 } } },
                new Step { Kind = Kind.CpCharge, Watt = 10, Volt = 4.2, MaxSeconds = 3600, Until = { new Until { Signal = "step_capacity_ah", Comparison = Until.Types.Comparison.AtLeast, Limit = 1, GotoStep = 4 } } },
                new Step { Kind = Kind.Cv, Volt = 4.2, Ampere = 1, CutoffAmpere = 0.05, MaxSeconds = 3600 },
                new Step { Kind = Kind.Eis, MaxSeconds = 600, Eis = new EisSweep { FromHertz = 10_000, ToHertz = 0.1, PointsPerDecade = 10, AmplitudeVolt = 0.005, AtOpenCircuit = true } },
                new Step { Kind = Kind.CpDischarge, Watt = 20, Volt = 2.5, MaxSeconds = 3600, Until = { new Until { Signal = "voltage_volt", Comparison = Until.Types.Comparison.RateAtMost, Limit = 1e-4, OverSeconds = 60, End = true } } },
            },
            SafeStep = new Step { Kind = Kind.CcDischarge, Ampere = 1, Volt = 3.6, MaxSeconds = 1800 },
        };
        var made = await procedures.CreateProcedureAsync(Programs.Create("all-kinds", program), cancellationToken: Cancel);
        Assert.Equal(program, made.Program);

        var demands = ProgramDemands.Of(program);
        Assert.Equal((4.2, 1.0, 8.0, 20.0, 2.5), (demands.MaxVolt, demands.MaxChargeAmpere, demands.MaxDischargeAmpere, demands.MaxWatt, demands.MinVolt));
        Assert.Equal((45.0, 45.0), (demands.MaxCelsius, demands.MinCelsius));
        Assert.Equal(3600 * 4 + 600 + 1800, ProgramDemands.LongestSeconds(program));
        Assert.Equal((7200 + 60 + 10800) * 3, ProgramDemands.LongestSeconds(Programs.Cycle()));
    }

    [Fact]
    public async Task What_a_condition_a_sweep_a_set_point_and_a_safe_step_lack_is_told_at_once()
    {
        await using var lab = await TestLab.StartAsync();
        var procedures = new ProcedureService.ProcedureServiceClient(lab.As(TestSeed.Teacher));
        var program = new BattKomp.Lab.V1.Program
        {
            Steps =
            {
                new Step { Kind = Kind.Rest, MaxSeconds = 10, Until = { new Until { Signal = "mood", Limit = double.NaN, OverSeconds = 3, GotoStep = 1, End = true } } },
                new Step { Kind = Kind.Eis, MaxSeconds = 10 },
                new Step { Kind = Kind.Eis, MaxSeconds = 10, Eis = new EisSweep { FromHertz = 1, ToHertz = 10, AmplitudeVolt = 1, AmplitudeAmpere = 1, BiasVolt = 3, AtOpenCircuit = true } },
                new Step { Kind = Kind.Temperature, MaxSeconds = 10, Celsius = 900 },
                new Step { Kind = Kind.Cv, Volt = 4, Ampere = 1, CutoffAmpere = 2, MaxSeconds = 10, Celsius = 20 },
            },
            SafeStep = new Step { Kind = Kind.CpCharge, Watt = 1, Volt = 3, GotoStep = 2 },
        };
        var fields = (await Refused.WithAsync(Reason.FieldsInvalid,
            () => procedures.CreateProcedureAsync(Programs.Create("bad", program), cancellationToken: Cancel).ResponseAsync)).Fields();
        const string steps = "procedure.program.steps";
        Assert.Equal(
            [
                steps + "[0].until[0].signal", steps + "[0].until[0].comparison", steps + "[0].until[0].limit", steps + "[0].until[0].over_seconds", steps + "[0].until[0].goto_step", steps + "[0].until[0].end",
                steps + "[1].eis", steps + "[2].eis.to_hertz", steps + "[2].eis.points_per_decade", steps + "[2].eis.amplitude_volt", steps + "[2].eis.bias_volt", steps + "[3].celsius",
                steps + "[4].cutoff_ampere", steps + "[4].celsius",
                "procedure.program.safe_step.kind", "procedure.program.safe_step.max_seconds", "procedure.program.safe_step.goto_step",
            ], fields);
    }

    [Fact]
    public async Task Loops_nest_and_stay_within_a_million_steps()
    {
        await using var lab = await TestLab.StartAsync();
        var procedures = new ProcedureService.ProcedureServiceClient(lab.As(TestSeed.Teacher));
        var half = Programs.Rests(4);
        half.Steps.Add(new Step { Kind = Kind.Loop, GotoStep = 2, Repeat = 1 });
        half.Steps.Add(new Step { Kind = Kind.Loop, GotoStep = 3, Repeat = 1 });
        var endless = Programs.Rests(1);
        endless.Steps.Add(new Step { Kind = Kind.Loop, GotoStep = 1, Repeat = 2000 });
        endless.Steps.Add(new Step { Kind = Kind.Loop, GotoStep = 1, Repeat = 2000 });

        var crossing = await Refused.WithAsync(Reason.FieldsInvalid, () => procedures.CreateProcedureAsync(Programs.Create("half", half), cancellationToken: Cancel).ResponseAsync);
        var tooLong = await Refused.WithAsync(Reason.FieldsInvalid, () => procedures.CreateProcedureAsync(Programs.Create("endless", endless), cancellationToken: Cancel).ResponseAsync);

        Assert.Equal(["procedure.program.steps[5].goto_step"], crossing.Fields());
        Assert.Equal(["procedure.program.steps"], tooLong.Fields());
    }

    [Fact]
    public async Task A_confidential_procedure_is_absent_for_others_and_its_id_is_taken()
    {
        await using var lab = await TestLab.StartAsync();
        var mine = new ProcedureService.ProcedureServiceClient(lab.As(TestSeed.IndustryEngineer));
        var others = new ProcedureService.ProcedureServiceClient(lab.As(TestSeed.Teacher));
        var request = Programs.Create("secret", Programs.Cycle());
        request.Procedure.Visibility = new Visibility { Kind = VisibilityKind.Confidential };
        var made = await mine.CreateProcedureAsync(request, cancellationToken: Cancel);

        Assert.Single((await mine.ListProceduresAsync(new ListProceduresRequest(), cancellationToken: Cancel)).Procedures);
        Assert.Empty((await others.ListProceduresAsync(new ListProceduresRequest(), cancellationToken: Cancel)).Procedures);
        await Refused.WithAsync(Reason.ResourceNotFound, () => others.GetProcedureAsync(new GetProcedureRequest { Name = made.Name }, cancellationToken: Cancel).ResponseAsync);
        await Refused.WithAsync(Reason.ResourceExists, () => others.CreateProcedureAsync(Programs.Create("secret", Programs.Cycle()), cancellationToken: Cancel).ResponseAsync);
    }
}

/// <summary>Programs for tests.</summary>
internal static class Programs
{
    internal static BattKomp.Lab.V1.Program Cycle(int repeat = 2) => new()
    {
        Steps =
        {
            new Step { Kind = Kind.CcDischarge, Ampere = 1.5, Volt = 2.8, MaxSeconds = 7200 },
            new Step { Kind = Kind.Rest, MaxSeconds = 60 },
            new Step { Kind = Kind.CccvCharge, Ampere = 1.5, Volt = 4.2, CutoffAmpere = 0.15, MaxSeconds = 10800 },
            new Step { Kind = Kind.Loop, GotoStep = 1, Repeat = repeat },
        },
    };

    internal static BattKomp.Lab.V1.Program Rests(int count)
    {
        var program = new BattKomp.Lab.V1.Program();
        for (var i = 0; i < count; i++) program.Steps.Add(new Step { Kind = Kind.Rest, MaxSeconds = 1 });
        return program;
    }

    internal static CreateProcedureRequest Create(string id, BattKomp.Lab.V1.Program program) =>
        new() { ProcedureId = id, Procedure = new Procedure { Title = id, Program = program } };
}
