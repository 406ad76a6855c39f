exec(open('drafts/stock_market_numbers.py').read().split("# %%  rules")[0])
from sklearn.linear_model import LinearRegression
from lightgbm import LGBMRegressor
from statsmodels.api import OLS
first_test_year=2000
def refits(days, horizon):
    years = days.year
    for start in range(first_test_year, years.max() + 1, refit_years):
        judged = np.flatnonzero((years >= start) & (years < start + refit_years))
        yield np.arange(judged[0] - horizon + 1), judged
before=index["Close"].shift(1)
span=np.log(index["High"].combine(before,max)/index["Low"].combine(before,min))
variance=(span**2/(4*np.log(2))).loc["1983":]
print("zeros",(variance<=0).sum(), variance.index[0])
log=np.log(variance)
r=index["return"].reindex(variance.index)
har=pd.DataFrame({"day":log,"week":np.log(variance.rolling(5).mean()),"month":np.log(variance.rolling(22).mean())})
more=har.assign(quarter=np.log(variance.rolling(66).mean()),fall=r.clip(upper=0)/np.sqrt(variance.rolling(22).mean()), falls=r.rolling(5).sum().clip(upper=0)/np.sqrt(variance.rolling(22).mean()), volume=np.log(index["Volume"]/index["Volume"].rolling(22).mean()).reindex(variance.index), rise=r/np.sqrt(variance.rolling(22).mean()))
more["fall22"]=r.rolling(22).sum().clip(upper=0)/np.sqrt(variance.rolling(66).mean())
wide=more.assign(**{f"lag{i}":log.shift(i) for i in range(1,5)}, up=(variance.rolling(5).max()))
wide=wide.dropna()
days=wide.index
print(days[0],len(days))
def ahead(h): return np.log(variance.rolling(h).mean().shift(-h)).reindex(days)
def walk(model, columns, h):
    t=ahead(h); out=pd.Series(np.nan,days)
    for learn,judge in refits(days,h):
        out.iloc[judge]=model().fit(wide[columns].iloc[learn],t.iloc[learn]).predict(wide[columns].iloc[judge])
    return out
def boost():
    return LGBMRegressor(n_estimators=trees,learning_rate=.05,num_leaves=15,min_child_samples=50,subsample=.5,subsample_freq=1,colsample_bytree=.5,random_state=seed,n_jobs=1,verbose=-1)
ewma=np.log(variance.ewm(alpha=.06,adjust=False).mean())
F={}
for h in (1,5):
    f=pd.DataFrame({"last value":np.log(variance.rolling(h).mean()).reindex(days),"EWMA":ewma.reindex(days),
      "HAR":walk(LinearRegression,list(har),h),"HAR+":walk(LinearRegression,list(more),h),"boosting":walk(boost,list(wide),h)})
    f["mean"]=(f["HAR+"]+f["boosting"])/2
    tick(f"h {h}")
    t=ahead(h); past=t.expanding().mean().shift(h)
    ok=f["HAR"].notna()&t.notna()
    rat=np.exp(t); 
    print(h,ok.sum())
    loss={}
    for m in f:
        e=(t-f[m])[ok]; base=(t-past)[ok]
        raw=np.exp(t-f[m]); c=raw.expanding().mean().shift(h)
        raw_ok=(raw/c)[ok]; q=raw_ok-np.log(raw_ok)-1
        C=histories(ok.sum()); draw=1-(C@(e.to_numpy()**2))/(C@(base.to_numpy()**2))
        loss[m]=e**2
        print(m,"R2",round(1-(e**2).sum()/(base**2).sum(),3),np.round(interval(draw),3),"rmse",round(np.sqrt((e**2).mean()),3),"q",round(q.mean(),3))
    def dm(a,b):
        d=(loss[a]-loss[b]).to_numpy()
        return OLS(d,np.ones(len(d))).fit(cov_type="HAC",cov_kwds={"maxlags":21}).tvalues[0], mean_of(d)
    for a,b in (("HAR","last value"),("HAR","EWMA"),("HAR+","HAR"),("boosting","HAR+"),("mean","HAR+"),("mean","boosting")): print(a,b,dm(a,b))
    F[h]=f
# VaR
f=F[1]; R=r.shift(-1).reindex(days)
from scipy.stats import chi2
def kup(x,p):
    n=len(x);k=x.sum();q=k/n
    ll=lambda q:k*np.log(q)+(n-k)*np.log(1-q)
    return chi2.sf(2*(ll(q)-ll(p)),1)
con=pd.DataFrame({"constant":np.log(variance.expanding().mean()).reindex(days)})
f["constant"]=con["constant"]
for m in ("constant","last value","EWMA","HAR","HAR+","boosting","mean"):
    sig=np.exp(f[m]/2); z=R/sig; out=[]
    for p in (.01,.05):
        qz=z[f["HAR"].notna()].expanding(250).quantile(p).shift(1)
        lim=qz*sig[qz.index]; ok=lim.notna()&R[qz.index].notna()
        x=(R[qz.index]<lim)[ok]; 
        ind=x.to_numpy(); aft=ind[1:][ind[:-1]].mean()
        out+= [ok.sum(),round(x.mean(),4),round(kup(x.to_numpy(),p),3),"after a hit",round(aft,3)]
    print(m,out)
# vol target
for m in ("constant","last value","EWMA","HAR","HAR+","boosting","mean"):
    sig=np.exp(f[m]/2); ok=f["HAR"].notna(); 
    scale=(R/sig)[ok].expanding(250).std().shift(1)
    w=(.10/np.sqrt(252)/(sig[ok]*scale)).clip(upper=2).dropna()
    g=(w*R[w.index]); cost=w.diff().abs().fillna(0)*2e-4; g=(g-cost).dropna()
    v=g.rolling(66).std()*np.sqrt(252)
    print(m,len(g),"vol",round(g.std()*np.sqrt(252),3),"sd of vol",round(v.std()*100,2),"worst",round(g.min(),4),"sharpe",{k:round(float(x),2) for k,x in sharpe(g).items()},"trade",round(w.diff().abs().mean(),3))
b=R[w.index].dropna(); print("hold",b.std()*252**.5,(b.rolling(66).std()*252**.5).std()*100,b.min(),sharpe(b))
tick("end")
